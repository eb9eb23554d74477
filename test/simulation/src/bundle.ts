/**
 * The product as two texts, from its sources: the client with the session, the server with the engine. A mutant, or a
 * fix that is on its way into the product, is applied to the source as it is read.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import type { ProductCode } from './product.ts'

/** A change of one place of one file. */
export interface Patch {
  /** From the root of the repository. */
  readonly file: string
  /** Occurs exactly once. */
  readonly find: string
  readonly replace: string
}

/** This package's folder: known to whoever has bundled this file to another place. */
export const FOLDER: string = process.env.SIMULATION_FOLDER ?? fileURLToPath(new URL('..', import.meta.url))

const ROOT = join(FOLDER, '../../')

const ENTRIES = {
  client: `export { createClient } from '@triwire/client'`,
  server: `export { createRealtime } from '@triwire/server'; export { channel, contract, TriwireError } from '@triwire/protocol'`,
} as const

/** Bundles the thread that runs schedules; returns its file. */
export async function bundleWorker(): Promise<string> {
  const outfile = join(FOLDER, 'node_modules', '.cache', `worker-${process.pid}.mjs`)
  const entryPoints = [join(FOLDER, 'src/worker.ts')]
  await build({
    entryPoints,
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@triwire/source'],
    logLevel: 'silent',
  })
  return outfile
}

/**
 * Bundles the product with patches.
 * @throws Error where what a patch looks for is not there exactly once
 */
export async function bundleProduct(patches: readonly Patch[] = []): Promise<ProductCode> {
  for (const { file, find } of patches) {
    const count = readFileSync(join(ROOT, file), 'utf8').split(find).length - 1
    if (count !== 1) throw new Error(`${file} holds ${count} times, not once: ${find}`)
  }
  const [client, server] = await Promise.all([
    bundleText(ENTRIES.client, patches),
    bundleText(ENTRIES.server, patches),
  ])
  return { client, server }
}

async function bundleText(contents: string, patches: readonly Patch[]): Promise<string> {
  const result = await build({
    stdin: { contents, resolveDir: FOLDER, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'exported',
    conditions: ['@triwire/source'],
    platform: 'neutral',
    target: 'node20',
    logLevel: 'silent',
    plugins: [patching(patches)],
  })
  return (result.outputFiles[0] as { readonly text: string }).text
}

function patching(patches: readonly Patch[]): Plugin {
  return {
    name: 'patching',
    setup(builder) {
      builder.onLoad({ filter: /packages\/.*\.ts$/ }, ({ path }) => {
        const file = relative(ROOT, path)
        const own = patches.filter((patch) => patch.file === file)
        if (own.length === 0) return undefined
        let contents = readFileSync(path, 'utf8')
        for (const { find, replace } of own) {
          if (!contents.includes(find)) throw new Error(`${file} no longer holds, behind other patches: ${find}`)
          contents = contents.replace(find, () => replace)
        }
        return { contents, loader: 'ts', resolveDir: dirname(path) }
      })
    },
  }
}
