/** The demo as its users start it: the built server, a process of its own, ended by its own handle. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../../../apps/demo/dist/server.js', import.meta.url))

/** Milliseconds the server has to print its URL, and to stop. */
const PATIENCE_MS = 15_000

/** A running demo. */
export interface DemoServer {
  readonly url: string
  readonly port: number
  /** Ends it with a signal and waits until it is gone; returns the exit code, null where the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/**
 * Starts the demo.
 * @param port 0 takes a free one
 */
export async function startDemo(port = 0): Promise<DemoServer> {
  if (!existsSync(SCRIPT)) throw new Error('The demo is not built. Run `pnpm build` first.')
  const child = spawn(process.execPath, [SCRIPT], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await printedUrl(child)
  return {
    url,
    port: Number(new URL(url).port),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit')
        child.kill(signal)
        const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
        await gone
        clearTimeout(timer)
      }
      return child.exitCode
    },
  }
}

function printedUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const timer = setTimeout(() => reject(new Error(`The demo did not start. It printed: ${printed}`)), PATIENCE_MS)
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += String(chunk)
      const url = /http:\/\/localhost:\d+/.exec(printed)?.[0]
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
