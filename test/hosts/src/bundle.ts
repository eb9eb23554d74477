/**
 * The children as plain JavaScript: our packages from their sources, as the runtime's own conditions choose them. What they
 * need besides is bundled along, because runtimes differ in where they look for it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The conditions under which each runtime reads `exports`, in the words of its own documentation. */
const CONDITIONS = {
  deno: ['deno', 'node', 'import'],
  bun: ['bun', 'node', 'import'],
  node: ['node', 'import'],
  'edge-light': ['edge-light', 'import'],
  workerd: ['workerd', 'worker', 'import'],
} as const

/** A runtime, as far as packages can tell. */
export type Condition = keyof typeof CONDITIONS

/** Bundled children of one test file. */
export interface Bundles {
  /** The path of one, bundled when it is first asked for. */
  path(entry: string, condition: Condition): Promise<string>
  remove(): void
}

/** Makes a folder for them below `node_modules`, where imports of dependencies that are left out resolve. */
export function createBundles(): Bundles {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const folder = mkdtempSync(join(root, 'node_modules/.hosts-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const bundles = new Map<string, Promise<string>>()
  const make = async (entry: string, condition: Condition): Promise<string> => {
    const isScript = condition === 'edge-light'
    const outfile = join(folder, `${entry.replaceAll('/', '-')}.${isScript ? 'js' : 'mjs'}`)
    await build({
      entryPoints: [join(root, 'src', `${entry}.ts`)],
      outfile,
      bundle: true,
      format: isScript ? 'iife' : 'esm',
      platform: condition === 'node' ? 'node' : 'neutral',
      target: 'es2022',
      conditions: ['@triwire/source', ...CONDITIONS[condition]],
      mainFields: ['module', 'main'],
      external: [
        'node:*',
        'cloudflare:workers',
        'workerd:*',
        'ws',
        'edge-runtime',
        'miniflare',
        '@hono/node-server',
      ],
      logLevel: 'silent',
    })
    return outfile
  }
  return {
    path(entry, condition) {
      const known = bundles.get(entry) ?? make(entry, condition)
      bundles.set(entry, known)
      return known
    },
    remove: () => {
      process.off('exit', remove)
      remove()
    },
  }
}
