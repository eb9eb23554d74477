// `pnpm sim`: bundles the command from its sources, which Node 20 cannot run as they are, and starts it.
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('.', import.meta.url))
const outfile = join(folder, 'node_modules', '.cache', `command-${process.pid}.mjs`)
await build({
  entryPoints: [join(folder, 'src/command.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['@triwire/source'],
  external: ['esbuild'],
})
process.env.SIMULATION_FOLDER = folder
await import(pathToFileURL(outfile).href)
