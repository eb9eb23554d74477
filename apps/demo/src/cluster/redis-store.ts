// A Redis for the nodes: the one REDIS_URL names, else the one that listens where Redis does, else one of our own on a
// free port with a temporary folder, which ends with the demo.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { MissingStore, type Store } from './store.ts'

const USUAL_URL = 'redis://127.0.0.1:6379'
const ANSWER_MS = 1500

const HOW_TO_GET_IT = `--broker redis needs a Redis 7: none answers on 127.0.0.1:6379, and redis-server is not installed.
Install it, and the demo starts one by itself:  apt install redis-server  |  brew install redis
Or run one, or name one that runs:  docker run --rm -p 6379:6379 redis:7  |  REDIS_URL=redis://host:6379`

/** @throws MissingStore */
export async function provideRedis(): Promise<Store> {
  const named = process.env.REDIS_URL
  if (named) {
    const trouble = await troubleWith(named)
    if (trouble === undefined) return existing(named)
    throw new MissingStore(`REDIS_URL names ${withoutSecrets(named)}, which cannot be used: ${trouble}`)
  }
  if ((await troubleWith(USUAL_URL)) === undefined) return existing(USUAL_URL)
  return await startRedis()
}

function existing(url: string): Store {
  return {
    url,
    text: `Redis on ${withoutSecrets(url)}, which was running`,
    pid: undefined,
    ended: new Promise(() => {}),
    stop: async () => {},
  }
}

/** What keeps the nodes from using this Redis; undefined where nothing does. Asked the way they will ask it. */
async function troubleWith(url: string): Promise<string | undefined> {
  const { redis } = await import('@triwire/redis')
  let reason: unknown
  try {
    const broker = redis({
      url,
      prefix: 'triwire-demo-probe:',
      timeoutMs: ANSWER_MS,
      onTrouble: (error) => {
        reason = error
      },
    })
    try {
      await (await broker.subscribe('probe', nobody)).close()
    } finally {
      await broker.close()
    }
    return undefined
  } catch (error) {
    return textOf(reason ?? error)
  }
}

const nobody = { onEntry() {}, onSignal() {}, onPresence() {}, onInterrupted() {} }

async function startRedis(): Promise<Store> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'triwire-demo-'))
  const options = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ]
  // Apart from the terminal, so that Ctrl+C reaches the nodes first: they still need it to say goodbye.
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && isRunning(child)) {
      child.kill()
      await ended
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await ready(child)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    text: `a Redis of its own on port ${port}`,
    pid: child.pid,
    ended,
    stop,
  }
}

/** Resolves when it serves. @throws MissingStore */
async function ready(child: ChildProcess): Promise<void> {
  const printed: string[] = []
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(new MissingStore(error.code === 'ENOENT' ? HOW_TO_GET_IT : `redis-server: ${error.message}`))
    })
    child.once('exit', () => {
      reject(new MissingStore(`redis-server ended at once:\n${printed.slice(-10).join('\n')}`))
    })
    if (child.stdout === null) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve()
      else if (printed.length < 50) printed.push(line)
    })
  })
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return 'something that is no URL'
  const parsed = new URL(url)
  parsed.username = ''
  parsed.password = ''
  return parsed.href
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
