/** The demo as its users start it: the built command, a process of its own, ended by its own handle. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const DEMO = fileURLToPath(new URL('../../../apps/demo/', import.meta.url))
const SCRIPT = `${DEMO}dist/demo.js`
const WRANGLER = `${DEMO}node_modules/wrangler/wrangler-dist/cli.js`

/** Milliseconds the server has to print its URL, and to stop. wrangler bundles the Worker before. */
const PATIENCE_MS = 15_000
const WRANGLER_PATIENCE_MS = 60_000

/** A running demo. */
export interface DemoServer {
  readonly url: string
  readonly port: number
  /** What it has printed so far. */
  readonly printed: () => string
  /**
   * Ends it with a signal and waits until it is gone; returns the exit code, null where the signal ended it.
   * @param whom the process alone, or its group, as Ctrl+C does
   */
  stop(signal?: NodeJS.Signals, whom?: 'process' | 'group'): Promise<number | null>
}

/** How to start it. */
export interface DemoOptions {
  /** Flags of the command. */
  readonly flags?: readonly string[]
  /** Beside the environment of the tests; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** A demo that ended by itself. */
export interface EndedDemo {
  readonly code: number | null
  /** All of its output. */
  readonly printed: string
}

/** Runs the demo where it is expected to end by itself, and waits until it does. */
export async function runDemo(options: DemoOptions): Promise<EndedDemo> {
  const child = spawnDemo(0, options, 'pipe')
  let printed = ''
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk: Buffer) => (printed += String(chunk)))
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await once(child, 'close')
  clearTimeout(timer)
  return { code: child.exitCode, printed }
}

/**
 * Starts the demo.
 * @param port 0 takes a free one
 */
export async function startDemo(port = 0, options: DemoOptions = {}): Promise<DemoServer> {
  return await serving(spawnDemo(port, options, 'inherit'), PATIENCE_MS)
}

/**
 * Starts the demo as a Worker in workerd, as `pnpm demo:edge` does. A SIGKILL is for the whole group.
 * @param folder where its objects keep what they store
 */
export async function startEdgeDemo(port: number, folder: string): Promise<DemoServer> {
  const flags = ['dev', '--port', String(port), '--persist-to', folder, '--log-level', 'info']
  const env = { WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false', NO_COLOR: '1' }
  const server = await serving(spawnNode(WRANGLER, flags, env, 'inherit'), WRANGLER_PATIENCE_MS)
  return { ...server, stop: (signal, whom = 'group') => server.stop(signal, whom) }
}

async function serving(child: ChildProcess, patienceMs: number): Promise<DemoServer> {
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += String(chunk)
  })
  const url = await printedUrl(child, patienceMs)
  return {
    url,
    port: Number(new URL(url).port),
    printed: () => printed,
    async stop(signal = 'SIGTERM', whom = 'process') {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit')
        process.kill(whom === 'group' ? -child.pid : child.pid, signal)
        const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
        await gone
        clearTimeout(timer)
      }
      return child.exitCode
    },
  }
}

function spawnDemo(port: number, { flags = [], env = {} }: DemoOptions, stderr: 'inherit' | 'pipe'): ChildProcess {
  if (!existsSync(SCRIPT)) throw new Error('The demo is not built. Run `pnpm build` first.')
  return spawnNode(SCRIPT, flags, { PORT: String(port), ...env }, stderr)
}

function spawnNode(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  stderr: 'inherit' | 'pipe',
): ChildProcess {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: DEMO,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', stderr],
    // As a shell does it, so that a signal can go to the whole group.
    detached: true,
  })
  // A test run that is ended from outside stops nothing in an orderly way.
  const end = (): void => void child.kill()
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  return child
}

function printedUrl(child: ChildProcess, patienceMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const timer = setTimeout(() => reject(new Error(`The demo did not start. It printed: ${printed}`)), patienceMs)
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += String(chunk)
      const url = /http:\/\/(?:localhost|127\.0\.0\.1):\d+/.exec(printed)?.[0]
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`The demo ended with code ${code} before it served. It printed: ${printed}`))
    })
  })
}
