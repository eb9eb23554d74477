/** A Redis of a test's own: a free port on loopback, a folder that is removed, ended by its own handle. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createClient } from '@redis/client'
import { freePort } from './free-port.ts'

/** A running Redis. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** The process of its current life. */
  readonly process: ChildProcess
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
  /** Begins another life, behind `kill`: same port, same folder. Resolves when it serves. */
  restart(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** Why there is no Redis to test with; undefined where there is one. Debian has it as `redis-server`. */
export const missing: string | undefined = (() => {
  try {
    execFileSync('redis-server', ['--version'])
    return undefined
  } catch {
    return 'redis-server is not installed (apt install redis-server)'
  }
})()

/** Starts one, and waits until it serves. `options` are lines of redis.conf as arguments. */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'triwire-redis-'))
  const begin = (): Promise<ChildProcess> =>
    spawnRedis(['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...options])
  let child = await begin()
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get process() {
      return child
    },
    kill,
    restart: async () => {
      await kill()
      child = await begin()
    },
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Resolves when it serves. */
async function spawnRedis(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  // A test run that is ended from outside stops nothing in an orderly way.
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  const lines: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (lines.length < 100) lines.push(line)
      if (line.includes('Ready to accept connections')) resolve()
    })
    child.once('exit', () => reject(new Error(`Redis ended at once:\n${lines.join('\n')}`)))
  })
  return child
}

/** Starts a cluster of masters that share the slots, and waits until each of them knows so. */
export async function startCluster(size: number): Promise<readonly RedisServer[]> {
  const servers = await Promise.all(
    Array.from({ length: size }, () => startRedis(['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'])),
  )
  const clients = await Promise.all(
    servers.map(async ({ url }) => {
      const client = createClient({ url })
      await client.connect()
      return client
    }),
  )
  const [first] = servers
  for (const [index, client] of clients.entries()) {
    const start = Math.floor((index * SLOTS) / size)
    const end = Math.floor(((index + 1) * SLOTS) / size) - 1
    await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', String(start), String(end)])
    await client.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(first?.port)])
  }
  for (const client of clients) {
    const isReady = async (): Promise<boolean> => {
      const info = String(await client.sendCommand(['CLUSTER', 'INFO']))
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}`)
    }
    // The nodes gossip a few times a second; nothing tells when they are done.
    while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 20))
    client.destroy()
  }
  return servers
}

const SLOTS = 16_384
