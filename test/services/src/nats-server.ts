/** A NATS with JetStream of a test's own: a free port on loopback, a folder that is removed, ended by its own handle. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

/** A NATS that can be killed and started again, on the same port and folder. */
export interface NatsServer {
  readonly url: string
  readonly port: number
  /** The one that runs, or ran last. */
  readonly process: ChildProcess
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
  /** Begins another life, on the same port and folder. Resolves when it serves. */
  restart(options?: { readonly isEmpty?: boolean }): Promise<void>
  /** Copies its files while it is down. Returns how to have it find them as they were, while it is down again. */
  save(): () => void
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>
}

/** Why there is no NATS to test with; undefined where there is one. Debian has it as `nats-server`. */
export const missing: string | undefined = (() => {
  try {
    execFileSync('nats-server', ['--version'])
    return undefined
  } catch {
    return 'nats-server is not installed (apt install nats-server)'
  }
})()

/** Starts one, and waits until it serves. */
export async function startNats(): Promise<NatsServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'triwire-nats-'))
  let child = await run(port, folder)
  let saves = 0
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get process() {
      return child
    },
    kill,
    restart: async ({ isEmpty = false } = {}) => {
      await kill()
      if (isEmpty) rmSync(join(folder, 'jetstream'), { recursive: true, force: true })
      child = await run(port, folder)
    },
    save: () => {
      const saved = `${folder}-${saves++}`
      cpSync(folder, saved, { recursive: true })
      return () => {
        rmSync(folder, { recursive: true, force: true })
        renameSync(saved, folder)
      }
    },
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function run(port: number, folder: string): Promise<ChildProcess> {
  const args = ['--jetstream', '--store_dir', folder, '--addr', '127.0.0.1', '--port', String(port)]
  const child = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  // A test run that is ended from outside stops nothing in an orderly way.
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  const lines: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      if (lines.length > 100) lines.shift()
      if (line.includes('Server is ready')) resolve()
    })
    child.once('exit', () => reject(new Error(`NATS ended at once:\n${lines.join('\n')}`)))
  })
  return child
}
