// Clients of a long run, many in one process: they stay, while the channels they follow change from round to round.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient, type PresenceObserver, TriwireError, type WireName } from '@triwire/client'
import WebSocket from 'ws'
import type { api } from '../contract.ts'
import { type HistoryLine, openHistory } from '../history.ts'
import { serveParent } from './child.ts'
import { Reader, untilHeard, untilMarked } from './reader.ts'

/** A channel of a round. */
export interface RoundChannel {
  readonly of: 'down' | 'up'
  readonly run: string
}

/** What the clients of one round do. */
export interface FleetPlan {
  /** Where its history goes. */
  readonly folder: string
  readonly name: string
  /** What each follows. */
  readonly follows: Readonly<Record<string, readonly RoundChannel[]>>
  /** Where everybody is present, under its id. */
  readonly present: string
  readonly boundMs: number
}

/** Publishes without an answer at a time: the client's queue holds 1,000. */
const WINDOW = 400

const clients = new Map<string, Client<typeof api>>()
/** By client and address. */
const readers = new Map<string, Reader>()
const presence = new Map<string, PresenceObserver<{ s: string }, { s: string }>>()
let leave: (() => void)[] = []
let write: (line: HistoryLine) => void = () => {}

function clientOf(id: string): Client<typeof api> {
  const known = clients.get(id)
  if (known === undefined) throw new Error(`There is no client "${id}".`)
  return known
}

function follow(id: string, { of, run }: RoundChannel, boundMs: number): Promise<boolean> {
  const handle = clientOf(id).channels[of]({ run })
  const c = handle.address
  const reader = new Reader()
  readers.set(`${id} ${c}`, reader)
  write({ k: 'reads', c, r: id })
  const observer = handle.observe({
    on: {
      message: ({ s, n }, { cursor: at }) => {
        if (s === 'end') reader.marked = Math.max(reader.marked, n)
        else write({ k: 'got', c, r: id, s, n, at })
        reader.handleMessage()
      },
      $gap: ({ reason }) => write({ k: 'gap', c, r: id, reason }),
    },
  })
  leave.push(observer.subscribe(() => reader.emit('news')))
  return reader.until(() => observer.getSnapshot().status === 'live', boundMs)
}

const handlers = {
  /** Makes a client for each id, all on one wire, or on what they choose. */
  open({ ids, port, wire }: { ids: readonly string[]; port: number; wire?: WireName | undefined }): void {
    for (const id of ids) {
      const client = createClient<typeof api>({
        url: `http://127.0.0.1:${port}/rt`,
        ...(wire === undefined ? {} : { wires: [wire] }),
        webSocket: WebSocket as never,
        // Short waits, so that most of a run is spent connected.
        backoff: { baseMs: 20, capMs: 200 },
      })
      clients.set(id, client)
    }
  },

  /** Leaves the channels of the round before and follows those of this one; says who was not live in time. */
  async begin({ folder, name, follows, present, boundMs }: FleetPlan): Promise<string[]> {
    for (const end of leave) end()
    leave = []
    readers.clear()
    presence.clear()
    write = openHistory(folder, name)
    const live = Object.entries(follows).flatMap(([id, channels]) => {
      const observer = clientOf(id)
        .channels.down({ run: present })
        .observePresence({ set: { s: id } })
      presence.set(id, observer)
      leave.push(observer.subscribe(() => {}))
      return channels.map(async (one) => ((await follow(id, one, boundMs)) ? [] : [`${id} ${one.of} ${one.run}`]))
    })
    return (await Promise.all(live)).flat()
  },

  /** Publishes 1 to `count` from each client and resolves when each has been answered. */
  async publish(plans: readonly { id: string; run: string; count: number; everyMs: number }[]): Promise<void> {
    await Promise.all(
      plans.map(async ({ id, run, count, everyMs }) => {
        const handle = clientOf(id).channels.up({ run })
        const waiting = new Set<Promise<void>>()
        const startedAt = performance.now()
        for (let n = 1; n <= count; n++) {
          const message = { c: handle.address, s: id, n } as const
          write({ k: 'sent', ...message })
          const answer: Promise<void> = handle
            .publish('message', { s: id, n })
            .then(
              () => write({ k: 'acked', ...message }),
              (error: unknown) => {
                const code = error instanceof TriwireError ? error.code : String(error)
                write({ k: 'failed', ...message, code })
              },
            )
            .finally(() => waiting.delete(answer))
          waiting.add(answer)
          if (waiting.size >= WINDOW) await Promise.race(waiting)
          const early = startedAt + n * everyMs - performance.now()
          if (early > 0) await sleep(early)
        }
        await Promise.all(waiting)
      }),
    )
  },

  /** Waits until a message came on every channel of every client; says where none did. */
  heard(boundMs: number): Promise<string[]> {
    return untilHeard(readers, boundMs)
  },

  /** Waits until every channel of every client has an end mark; says which have not. */
  marked(boundMs: number): Promise<string[]> {
    return untilMarked(readers, 1, boundMs)
  },

  /** Who each client sees present. */
  present(): Record<string, string[]> {
    const seen = [...presence].map(([id, observer]) => {
      const { members } = observer.getSnapshot()
      return [id, members.map(({ value }) => value.s).sort()] as const
    })
    return Object.fromEntries(seen)
  },

  /** The wire each client is on. */
  wires(): Record<string, WireName | undefined> {
    return Object.fromEntries([...clients].map(([id, { connection }]) => [id, connection.getSnapshot().wire]))
  },
}

/** What the parent may call. */
export type FleetProcess = typeof handlers

serveParent(handlers)
