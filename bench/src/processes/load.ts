// The process of the load: so many connections to one server, each with its channels, each counting what it gets. It is
// light, because what it cannot take would be the limit of every server alike.

import { setTimeout as sleep } from 'node:timers/promises'
import { serveParent } from '@triwire-test/chaos/processes/child'
import { channelsOf, type Layout, messagesPerChannel, type Speech } from '../layout.ts'
import type { Client, ClientOptions } from '../load/client.ts'
import { PollClient } from '../load/poll-client.ts'
import { SendClient } from '../load/send-client.ts'
import { StreamClient } from '../load/stream-client.ts'
import { Tally } from '../load/tally.ts'
import { WebSocketClient } from '../load/websocket-client.ts'
import { clockUs, messageNow } from '../message.ts'
import type { Peer } from '../peers/peer.ts'
import { PEERS } from '../peers/peers.ts'

/** Connections to open. */
export interface Opening {
  /** Which of `PEERS`. */
  readonly peer: number
  readonly port: number
  readonly count: number
  readonly layout: Layout
  /** Of so many connections one is sampled for latency. Default 50. */
  readonly sampleEvery?: number
}

/** Calls of a command on a schedule, by one connection after another. */
export interface Calling {
  readonly calls: number
  /** Microseconds from one call to the next, of whichever connection. */
  readonly everyUs: number
  readonly boundMs: number
}

/** Connections that only publish. */
export interface Publishers {
  /** Which of `PEERS`. */
  readonly peer: number
  readonly port: number
  readonly count: number
}

/** Publishes of those, who take turns. */
export interface Talk {
  readonly messages: number
  readonly everyMs: number
}

/** Publishes of all connections. */
export interface Publishing {
  readonly segments: number
  readonly perSegment: number
  readonly everyMs: number
}

/** Changes of presence. */
export interface Announcing {
  readonly turns: number
  readonly perTurn: number
  readonly everyMs: number
  /** Whether the values are counted where they arrive. */
  readonly marked: boolean
}

/** Members that leave and come back. */
export interface Churning {
  readonly turns: number
  /** As many leave in a turn, and as many come back that left in the turn before. */
  readonly perTurn: number
  readonly everyMs: number
}

/** Connections that are opened at once: below the backlog of every server. */
const AT_ONCE = 100

/** Milliseconds in which all connections of an opening must be ready. */
const OPENING_MS = 120_000

const tally = new Tally()
const clients: Client[] = []
const publishers: ((text: string) => void)[] = []
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

function sockets(): WebSocketClient[] {
  return clients.filter((client) => client instanceof WebSocketClient)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, one) => all + one, 0)
}

function must<TWord>(word: TWord | undefined): TWord {
  if (word === undefined) throw new Error('The clients of this peer have no word for that.')
  return word
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

/** Who speaks for a client that publishes, whatever its wire. */
function publisherOf(
  { wire, words }: Peer,
  options: ClientOptions,
): [client: Client, publish: (text: string) => void] {
  if (wire === 'websocket') {
    const client = new WebSocketClient(words, options, tally)
    return [client, (text) => client.sayAll(must(words.publish)(0, ++client.said, [text]))]
  }
  const client = new SendClient(must(words.send), options)
  return [client, (text) => client.publish(text)]
}

/** Opens so many, some at a time, and resolves when all are ready. */
async function openAll(
  { port, count, layout, sampleEvery = 50 }: Omit<Opening, 'peer'>,
  create: (options: ClientOptions) => Client,
): Promise<void> {
  const before = clients.length
  let opened = 0
  let ready = 0
  const all = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${ready} of ${count} connections are ready.`)), OPENING_MS)
    const openNext = (): void => {
      if (opened === count) return
      const index = before + opened++
      const channels = channelsOf(layout, index)
      followed[index] = channels
      clients[index] = create({
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
      })
    }
    for (let index = 0; index < Math.min(AT_ONCE, count); index++) openNext()
  })
  await unlessBroken(all)
}

const handlers = {
  /** Opens them, and resolves when each follows its channels. */
  async open({ peer, ...opening }: Opening): Promise<void> {
    await openAll(opening, (options) => clientOf(PEERS[peer] as Peer, options))
  },

  /** Opens connections that follow nothing, and publish when `talk` says so. */
  async openPublishers({ peer, port, count }: Publishers): Promise<void> {
    await openAll({ port, count, layout: { kind: 'none' } }, (options) => {
      const [client, publish] = publisherOf(PEERS[peer] as Peer, options)
      publishers.push(publish)
      return client
    })
  },

  /** Publishers take turns, one message every so many milliseconds; one that is late is not made up for. */
  async talk({ messages, everyMs }: Talk): Promise<void> {
    let due = performance.now()
    for (let said = 0; said < messages; said++) {
      publishers[said % publishers.length]?.(messageNow())
      due = Math.max(due + everyMs, performance.now())
      await unlessBroken(sleep(due - performance.now()))
    }
  },

  /** Has another byte counted from now on, and forgets what was counted before. */
  expectMarks({ mark }: { mark: number }): void {
    tally.mark = mark
    expected = clients.map(({ delivered }) => delivered)
  },

  /** Makes ready for so many more on each connection, whether they have come already or not. */
  expectMore({ marks }: { marks: number }): void {
    expected = expected.map((count) => count + marks)
  },

  /** Makes ready for so many on each connection since it was opened. */
  expectEach({ marks }: { marks: number }): void {
    expected = clients.map(() => marks)
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
    await unlessBroken(tally.until(sum(expected), boundMs))
    verify()
    return tally.latenciesUs
  },

  /** Requests of all polling connections until now. */
  requests(): number {
    return sum(clients.map((client) => (client instanceof PollClient ? client.requests : 0)))
  },

  /** Each connection calls a command so often, the next when the last one is answered. @returns round trips in microseconds */
  async command({ each, boundMs }: { each: number; boundMs: number }): Promise<number[]> {
    tally.latenciesUs.length = 0
    expected = clients.map(({ delivered }) => delivered + each)
    for (const client of sockets()) {
      const last = client.said + each
      const callNext = (): void => {
        if (client.said < last) client.say(must(client.words.command)(0, ++client.said, messageNow()))
      }
      client.onCounted = callNext
      callNext()
    }
    await unlessBroken(tally.until(sum(expected), boundMs))
    for (const client of sockets()) client.onCounted = undefined
    verify()
    return tally.latenciesUs
  },

  /**
   * Calls whenever one is due, whether the last one is answered or not, so what waits behind a slow answer shows. This core
   * does nothing else meanwhile: no timer comes every 50 µs. @returns round trips in microseconds
   */
  async callOnTime({ calls, everyUs, boundMs }: Calling): Promise<number[]> {
    tally.latenciesUs.length = 0
    const all = sockets()
    expected = clients.map(
      ({ delivered }, index) => delivered + Math.floor(calls / all.length) + (index < calls % all.length ? 1 : 0),
    )
    const startedAt = clockUs()
    for (let called = 0; called < calls; await new Promise(setImmediate)) {
      if (broken !== undefined) throw broken
      for (; called < calls && clockUs() >= startedAt + called * everyUs; called++) {
        const client = all[called % all.length] as WebSocketClient
        client.say(must(client.words.command)(0, ++client.said, messageNow()))
      }
    }
    await unlessBroken(tally.until(sum(expected), boundMs))
    verify()
    return tally.latenciesUs
  },

  /** Each connection publishes so many segments of so many messages, a segment every so many milliseconds. */
  async publish({ segments, perSegment, everyMs }: Publishing): Promise<void> {
    const texts = (): string[] => Array.from({ length: perSegment }, messageNow)
    for (let segment = 0; segment < segments; segment++) {
      for (const client of sockets()) {
        client.sayAll(must(client.words.publish)(0, client.said + 1, texts()))
        client.said += perSegment
      }
      await unlessBroken(sleep(everyMs))
    }
  },

  /** Connections take turns to change what all see of them: `perTurn` of them every so many milliseconds. */
  async announce({ turns, perTurn, everyMs, marked }: Announcing): Promise<void> {
    const all = sockets()
    if (marked) expected = clients.map(({ delivered }) => delivered + turns * perTurn)
    for (let change = 0; change < turns * perTurn; change++) {
      const client = all[change % all.length] as WebSocketClient
      client.say(must(client.words.announce)(0, ++client.said, marked ? messageNow() : 'here'))
      if (change % perTurn === perTurn - 1) await unlessBroken(sleep(everyMs))
    }
  },

  /** Connections take turns to leave and to come back a turn later; all of them go on being told. */
  async churn({ turns, perTurn, everyMs }: Churning): Promise<void> {
    const all = sockets()
    for (let turn = 0; turn < turns; turn++) {
      for (let change = turn * perTurn; change < (turn + 1) * perTurn; change++) {
        const leaving = all[change % all.length] as WebSocketClient
        leaving.say(must(leaving.words.depart)(0, ++leaving.said, messageNow()))
        if (turn === 0) continue
        const coming = all[(change - perTurn) % all.length] as WebSocketClient
        coming.say(must(coming.words.announce)(0, ++coming.said, messageNow()))
      }
      await unlessBroken(sleep(everyMs))
    }
    // The last come back as well, so that a churn ends as it began.
    for (let change = (turns - 1) * perTurn; change < turns * perTurn; change++) {
      const coming = all[change % all.length] as WebSocketClient
      coming.say(must(coming.words.announce)(0, ++coming.said, messageNow()))
    }
  },

  /** Closes them, and begins anew with none. Rejects like `expect`. */
  close(): void {
    verify()
    for (const client of clients.splice(0)) client.close()
    followed.length = 0
    expected = []
    tally.clear()
  },
}

/** What the parent may call. */
export type LoadProcess = typeof handlers

serveParent(handlers)
