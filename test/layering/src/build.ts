// A package compiled on its own into a folder that is gone afterwards, so that what is judged is what would be
// published, whether or not `dist` is there or up to date.

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** The emitted JavaScript of the package in `packageFolder`, by path. @throws with the compiler's own messages. */
export async function compile(packageFolder: string): Promise<Record<string, string>> {
  const outDir = await mkdtemp(join(tmpdir(), 'triwire-layering-'))
  try {
    const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
    const project = join(packageFolder, 'tsconfig.build.json')
    await promisify(execFile)(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', project, '--outDir', outDir])
      // tsc reports on stdout, which the error of execFile does not show.
      .catch((error: { stdout?: string }) => Promise.reject(new Error(error.stdout || String(error))))
    const paths = (await readdir(outDir, { recursive: true })).filter((path) => path.endsWith('.js'))
    return Object.fromEntries(
      await Promise.all(paths.map(async (path) => [path, await readFile(join(outDir, path), 'utf8')])),
    ) as Record<string, string>
  } finally {
    await rm(outDir, { recursive: true, force: true })
  }
}
