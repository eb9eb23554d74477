// What a client costs in a page of Chromium: 100,000 events a second, each handled, and folded into a state that is shown once
// per frame. `fed`: said by the page in the place of the socket, so that the client's own work is all there is. `wire`: over a
// WebSocket, from a server that does nothing but say what the peer's would. `server`: from the peer's own, as fast as that is.

import { READERS, type ReaderName } from '../browser/readers.ts'
import { LOAD_CORE, SERVER_CORE } from '../machine.ts'
import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import type { BrowserProcess } from '../processes/browser.ts'
import { type Child, startChild } from '../processes/parent.ts'
import type { ServerProcess } from '../processes/server.ts'
import type { Figures } from '../sample.ts'
import { spentOn } from './pair.ts'
import type { Cell, Wishes } from './scenario.ts'

const RATE = 100_000
/** Seconds that come first, so that what is measured is compiled; and those that are measured. */
const WARM_SECONDS = 1
const SECONDS = 3

/** Milliseconds a stream may take until the page has all of it. */
const STREAM_MS = 90_000

/** Milliseconds between ticks. */
const TICK_MS = 10
/** The same for the peers' own servers: what Triwire says in one tick stays below what may wait for a connection. */
const SERVER_TICK_MS = 3

/** Where a part's messages come from. */
interface Source {
  prepare(messages: number): Promise<void>
  /** Has them said; returns what there is to say about that. */
  say(messages: number): Promise<Figures>
}

export function browser({ parts }: Wishes): readonly Cell[] {
  const peers = peersOf('browser', 'websocket').filter(({ server }) => Object.hasOwn(READERS, server))
  const measures = { fed: measureFed, wire: measureWire, server: measureServer }
  return Object.entries(measures)
    .filter(([part]) => parts?.includes(part) ?? true)
    .map(([part, measure]) => ({
      scenario: 'browser',
      title: `a page, ${part}, ${RATE} a second`,
      peers,
      measure: async (peer) => [{ part: `${part}, ${RATE}`, figures: await measure(peer) }],
    }))
}

function measureWire(peer: Peer): Promise<Figures> {
  return measureFrom(peer, TICK_MS, (server) => server.call('startScripted', readerOf(peer)))
}

function measureServer(peer: Peer): Promise<Figures> {
  return measureFrom(peer, SERVER_TICK_MS, (server, origin) =>
    server.call('start', { name: peer.server, origins: [origin] }),
  )
}

async function measureFrom(
  peer: Peer,
  everyMs: number,
  start: (server: Child<ServerProcess>, origin: string) => Promise<{ port: number }>,
): Promise<Figures> {
  const perTick = (RATE * everyMs) / 1000
  const server = startChild<ServerProcess>('server', { core: SERVER_CORE })
  try {
    return await withPage(async (page, origin) => {
      const { port } = await start(server, origin)
      await page.call('open', { reader: readerOf(peer), server: `http://127.0.0.1:${port}` })
      return {
        prepare: async () => {},
        async say(messages) {
          const ticks = { messages, channels: 1, stride: 1, perTick, everyMs }
          const { cpuUs } = await spentOn({ server }, () => server.call('speak', ticks))
          return { serverUsPerEvent: cpuUs / messages }
        },
      }
    })
  } finally {
    await server.kill()
  }
}

function measureFed(peer: Peer): Promise<Figures> {
  const perTick = (RATE * TICK_MS) / 1000
  return withPage(async (page) => {
    await page.call('open', { reader: readerOf(peer) })
    return {
      prepare: (messages) => page.call('prepare', { messages, perTick }),
      async say() {
        await page.call('feed', { everyMs: TICK_MS })
        return {}
      },
    }
  })
}

function readerOf({ server }: Peer): ReaderName {
  return server as ReaderName
}

/** Opens a page, has it take what comes for a while, and measures what comes then. */
async function withPage(open: (page: Child<BrowserProcess>, origin: string) => Promise<Source>): Promise<Figures> {
  const page = startChild<BrowserProcess>('browser', { core: LOAD_CORE })
  try {
    const { origin } = await page.call('start', undefined)
    const { prepare, say } = await open(page, origin)
    const stream = async (messages: number): Promise<Figures> => {
      await prepare(messages)
      await page.call('expect', { messages })
      const taken = page.call('taken', { messages, boundMs: STREAM_MS })
      const [figures, more] = await Promise.all([taken, say(messages)])
      return { ...figures, ...more }
    }
    await stream(RATE * WARM_SECONDS)
    return await stream(RATE * SECONDS)
  } finally {
    // What cannot be closed any more is killed.
    await page.call('close', undefined).catch(() => {})
    await page.kill()
  }
}
