// `pnpm --filter @triwire-test/hosts measure`: what a Worker weighs, and how long its first answer takes.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('.', import.meta.url))
const folder = mkdtempSync(join(root, 'node_modules/.measure-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const outfile = join(folder, 'measure-worker.mjs')
await build({
  entryPoints: [join(root, 'src/measure-worker.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
})
await import(outfile)
