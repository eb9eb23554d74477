/** A Worker as the one file that the runtime takes: our packages from their sources, dependencies and all. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Bundles a module of this folder. `isMinified`: as it would be deployed. */
export async function bundleWorker(file: string, { isMinified = false } = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(file, import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: isMinified,
    write: false,
    conditions: ['@triwire/source', 'workerd', 'worker', 'browser'],
    external: ['cloudflare:workers'],
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error(`Nothing came of ${file}.`)
  return output.text
}
