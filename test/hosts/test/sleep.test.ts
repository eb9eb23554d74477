/** The object sleeps while its clients are quiet, and they notice nothing. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, test } from 'vitest'
import { WebSocket } from 'ws'
import { createBundles } from '../src/bundle.ts'
import { startWorkerd } from '../src/workerd.ts'

const bundles = createBundles()

afterAll(() => bundles.remove())

const CLIENTS = 50
/** Milliseconds after which the runtime has taken an object out of memory whose last timer is over: ten seconds, and some for that. Nobody is told. */
const ASLEEP_MS = 20_000

interface Line {
  readonly t: string
  readonly d?: { readonly n: number }
}

test.concurrent('an object whose clients are quiet is taken out of memory: they go on, and do not join again', {
  timeout: 60_000,
}, async ({ expect, onTestFinished }) => {
  const { origin, close } = await startWorkerd({ file: await bundles.path('apps/sleeper', 'workerd') })
  onTestFinished(close)
  const ask = async (path: string): Promise<unknown> => await (await fetch(`${origin}${path}`)).json()
  const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => connect(origin, index)))
  onTestFinished(() => {
    for (const { socket } of clients) socket.terminate()
  })
  await expect.poll(() => clients.every(({ lines }) => lines.some(({ t }) => t === 'joined'))).toBe(true)
  await expect.poll(() => ask('/members')).toBe(CLIENTS)
  await ask('/emit?n=1')
  await expect.poll(() => clients.every(({ lines }) => numbersOf(lines).length === 1)).toBe(true)
  expect(await ask('/lives')).toBe(1)

  await sleep(ASLEEP_MS)
  // The platform answers for it.
  clients[0]?.socket.send('{"t":"ping","n":0}')
  await expect.poll(() => clients[0]?.lines.at(-1)).toEqual({ t: 'pong', n: 0 })
  expect(await ask('/lives')).toBe(1)

  for (const { lines } of clients) lines.length = 0
  const wokenAt = performance.now()
  await ask('/emit?n=2')
  await expect.poll(() => clients.every(({ lines }) => numbersOf(lines).length > 0), { interval: 2 }).toBe(true)
  process.stdout.write(
    `all ${CLIENTS} had the first message ${Math.round(performance.now() - wokenAt)} ms after it was asked for\n`,
  )
  await ask('/emit?n=3')
  await expect.poll(() => clients.every(({ lines }) => numbersOf(lines).at(-1) === 3)).toBe(true)
  expect(await ask('/lives')).toBe(2)
  for (const { lines, socket } of clients) {
    expect(numbersOf(lines)).toEqual([2, 3])
    expect(lines.filter(({ t }) => t !== 'ev')).toEqual([])
    expect(socket.readyState).toBe(WebSocket.OPEN)
  }
  expect(await ask('/members')).toBe(CLIENTS)

  clients[0]?.socket.send(JSON.stringify({ t: 'pub', ch: 'room?id=a', n: 1, lo: 1, e: 'message', d: { n: 4 } }))
  await expect.poll(() => clients.every(({ lines }) => numbersOf(lines).at(-1) === 4)).toBe(true)
})

test.concurrent('a room that is left is vacant, although its object slept before that was certain', {
  timeout: 120_000,
}, async ({ expect, onTestFinished }) => {
  const { origin, close } = await startWorkerd({ file: await bundles.path('apps/sleeper', 'workerd') })
  onTestFinished(close)
  const ask = async (path: string): Promise<unknown> => await (await fetch(`${origin}${path}`)).json()
  const { socket, lines } = await connect(origin, 0)
  await expect.poll(() => lines.some(({ t }) => t === 'joined')).toBe(true)
  await expect.poll(() => ask('/hooks')).toEqual(['occupied a'])
  socket.close(1000)
  expect((await once(socket, 'close'))[0], 'the goodbye is answered').toBe(1000)
  // Neither question wakes the object: the Worker answers.
  await expect.poll(() => ask('/lives'), { timeout: 60_000, interval: 500 }).toBe(2)
  await expect.poll(() => ask('/hooks'), { timeout: 60_000, interval: 500 }).toEqual(['occupied a', 'vacated a'])
})

async function connect(origin: string, index: number): Promise<{ socket: WebSocket; lines: Line[] }> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/rt/`, 'triwire.v1')
  const lines: Line[] = []
  socket.on('message', (data) => {
    lines.push(
      ...String(data)
        .split('\n')
        .map((line) => JSON.parse(line) as Line),
    )
  })
  await once(socket, 'open')
  const session = `session${String(index).padStart(15, '0')}`
  const hello = { t: 'hello', v: 1, s: session, k: `user-${index}` }
  const join = { t: 'join', ch: 'room?id=a', j: 1, pres: '' }
  const presence = { t: 'pres', ch: 'room?id=a', n: 1, d: { name: `user ${index}` } }
  socket.send([hello, join, presence].map((line) => JSON.stringify(line)).join('\n'))
  return { socket, lines }
}

function numbersOf(lines: readonly Line[]): (number | undefined)[] {
  return lines.filter(({ t }) => t === 'ev').map(({ d }) => d?.n)
}
