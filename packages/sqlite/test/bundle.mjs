// Bundles what Node 20 cannot run as it is. The driver stays outside: it is native. The folder lies where it is found.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Bundles a file of this folder and returns where the bundle is. */
export async function bundle(entry) {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const outfile = join(
    folder,
    '../node_modules/.cache',
    `${entry.replaceAll('/', '-').replace('.ts', '')}-${process.pid}.mjs`,
  )
  await build({
    entryPoints: [join(folder, entry)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@triwire/source'],
    external: ['libsql', 'libsql/promise'],
  })
  return outfile
}
