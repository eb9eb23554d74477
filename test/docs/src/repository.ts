// The pages of this repository and the files they talk about.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the repository lies. */
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** A page, by its path from the root. */
export interface Page {
  readonly path: string
  readonly text: string
}

/** The pages at the top. */
export function rootPages(): Page[] {
  return readdirSync(root)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map(read)
}

/** The pages of the folder `docs`, and of the folders in it. */
export function guidePages(): Page[] {
  return readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`)
    .sort()
    .map(read)
}

/** The pages of the packages. */
export function packagePages(): Page[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter(exists)
    .map(read)
}

/** The pages of the examples. */
export function examplePages(): Page[] {
  return readdirSync(join(root, 'examples'))
    .map((name) => `examples/${name}/README.md`)
    .filter(exists)
    .map(read)
}

/** Names of the packages that have a manifest. */
export function packageNames(): string[] {
  return readdirSync(join(root, 'packages')).filter((name) => exists(`packages/${name}/package.json`))
}

/** Names of what a folder holds, from the root. */
export function namesIn(folder: string): string[] {
  return readdirSync(join(root, folder))
}

/** The names of all source files of the packages, without their folders. */
export function sourceNames(): Set<string> {
  const paths = packageNames().flatMap((name) =>
    readdirSync(join(root, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' }),
  )
  return new Set(paths.map((path) => path.split(/[\\/]/).at(-1) as string))
}

/** Whether there is such a file or folder, from the root. */
export function exists(path: string): boolean {
  return existsSync(join(root, path))
}

/** Reads a page, from the root. */
export function read(path: string): Page {
  return { path, text: readFileSync(join(root, path), 'utf8') }
}
