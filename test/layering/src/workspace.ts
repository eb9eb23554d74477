// What the rules look at: a package as its manifest and its source text. Rules take this plain data and never the
// disk, so that tests can hand them packages that break a rule.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

export interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface WorkspacePackage {
  readonly manifest: Manifest
  /** Source text by path inside the package, with forward slashes: `src/hub.ts`, `test/hub.test.ts`. */
  readonly files: Readonly<Record<string, string>>
}

/** Every package under `folder` with all its TypeScript and JavaScript, published or test. */
export function readPackages(folder: string): WorkspacePackage[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((root) => existsSync(join(root, 'package.json')))
    .map((root) => ({
      manifest: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest,
      files: Object.fromEntries(
        sourceFilesIn(root).map((path) => [relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')]),
      ),
    }))
}

const ignoredFolders = new Set(['node_modules', 'dist', '.turbo', 'coverage'])

function sourceFilesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ignoredFolders.has(entry.name) ? [] : sourceFilesIn(path)
    return /\.[cm]?[jt]sx?$/.test(entry.name) ? [path] : []
  })
}
