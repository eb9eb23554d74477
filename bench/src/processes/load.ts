// The process of the load: so many connections to one server, each with its channels, each counting what it gets. It is
// light, because what it cannot take would be the limit of every server alike.

import { serveParent } from '@triwire-test/chaos/processes/child'
import { channelsOf, type Layout, messagesPerChannel, type Speech } from '../layout.ts'
import type { Client, ClientOptions } from '../load/client.ts'
import { PollClient } from '../load/poll-client.ts'
import { StreamClient } from '../load/stream-client.ts'
import { Tally } from '../load/tally.ts'
import { WebSocketClient } from '../load/websocket-client.ts'
import type { Peer, Wire } from '../peers/peer.ts'
import { peerOf } from '../peers/peers.ts'

/** Connections to open. */
export interface Opening {
  readonly wire: Wire
  readonly peer: string
  readonly port: number
  readonly count: number
  readonly layout: Layout
  /** Of so many connections one is sampled for latency. Default 50. */
  readonly sampleEvery?: number
}

/** Connections that are opened at once: below the backlog of every server. */
const AT_ONCE = 100

/** Milliseconds in which all connections of an opening must be ready. */
const OPENING_MS = 120_000

const tally = new Tally()
const clients: Client[] = []
const followed: (readonly number[])[] = []
let broken: Error | undefined
let fail: (error: Error) => void = () => {}

function handleBroken(error: Error): void {
  broken ??= error
  fail(error)
}

/** Settles with `work`, or rejects with what breaks meanwhile. */
async function unlessBroken<TValue>(work: Promise<TValue>): Promise<TValue> {
  if (broken !== undefined) throw broken
  const breaking = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  return await Promise.race([work, breaking])
}

/** What each connection must have by now. */
let expected: number[] = []

function verify(): void {
  const wrong = expected.findIndex((count, index) => clients[index]?.delivered !== count)
  if (wrong === -1) return
  throw new Error(
    `Connection ${wrong} has got ${clients[wrong]?.delivered} messages instead of ${expected[wrong]}.`,
  )
}

function clientOf(peer: Peer, options: ClientOptions): Client {
  switch (peer.wire) {
    case 'websocket':
      return new WebSocketClient(peer.words, options, tally)
    case 'sse':
      return new StreamClient(peer.words, options, tally)
    case 'polling':
      return new PollClient(peer.words, options, tally)
  }
}

const handlers = {
  /** Opens them, and resolves when each follows its channels. */
  async open({ wire, peer, port, count, layout, sampleEvery = 50 }: Opening): Promise<void> {
    const profile = peerOf(wire, peer)
    let opened = 0
    let ready = 0
    const all = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${ready} of ${count} connections are ready.`)), OPENING_MS)
      const openNext = (): void => {
        if (opened === count) return
        const index = opened++
        const channels = channelsOf(layout, index)
        followed[index] = channels
        const options: ClientOptions = {
          port,
          index,
          channels,
          sampled: index % sampleEvery === 0,
          onReady: () => {
            if (++ready === count) {
              clearTimeout(timer)
              resolve()
            } else openNext()
          },
          onBroken: handleBroken,
        }
        clients[index] = clientOf(profile, options)
      }
      for (let index = 0; index < Math.min(AT_ONCE, count); index++) openNext()
    })
    await unlessBroken(all)
  },

  /** Makes ready for a speech. Rejects where something has come since the last one: nothing may come twice. */
  expect(speech: Speech): void {
    verify()
    const counts = messagesPerChannel(speech)
    expected = clients.map(({ delivered }, index) =>
      (followed[index] ?? []).reduce((sum, channel) => sum + (counts[channel] ?? 0), delivered),
    )
    tally.latenciesUs.length = 0
  },

  /**
   * Waits until every connection has what it must have. Rejects where one has less, or more.
   * @returns microseconds that sampled messages were under way
   */
  async taken({ boundMs }: { boundMs: number }): Promise<number[]> {
    const total = expected.reduce((sum, one) => sum + one, 0)
    await unlessBroken(tally.until(total, boundMs))
    verify()
    return tally.latenciesUs
  },

  /** Closes them. Rejects like `expect`. */
  close(): void {
    verify()
    for (const client of clients) client.close()
  },
}

/** What the parent may call. */
export type LoadProcess = typeof handlers

serveParent(handlers)
