// Triwire clients, many in one process. Each reads one channel down and publishes to one channel up.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient, TriwireError, type WireName } from '@triwire/client'
import WebSocket from 'ws'
import type { api } from '../contract.ts'
import { type HistoryLine, openHistory } from '../history.ts'
import { serveParent } from './child.ts'
import { Reader, untilMarked } from './reader.ts'

/** How a client is set up. */
export interface ClientSetup {
  /** Unique in this process. */
  readonly id: string
  readonly port: number
  /** Left out: the default. */
  readonly wires?: readonly WireName[]
  /** The channel down; left out, it only publishes. */
  readonly down?: string
  /** Shortens waiting between attempts, so that most of a run is spent connected. */
  readonly hasty?: boolean
}

/** What is known of a client. */
export interface ClientReport {
  readonly wire: WireName | undefined
}

/** Publishes without an answer at a time: the client's queue holds 1,000. */
const WINDOW = 400

const clients = new Map<string, { readonly client: Client<typeof api>; readonly reader: Reader }>()
let write: (line: HistoryLine) => void = () => {}

function of(id: string) {
  const known = clients.get(id)
  if (known === undefined) throw new Error(`There is no client "${id}".`)
  return known
}

const handlers = {
  start({ folder, name }: { folder: string; name: string }): void {
    write = openHistory(folder, name)
  },

  /** Makes a client and resolves when it is live in its channel, or after the bound; says which. */
  async open(setup: ClientSetup & { readonly boundMs: number }): Promise<boolean> {
    const { id, port, wires, down, hasty, boundMs } = setup
    const client = createClient<typeof api>({
      url: `http://127.0.0.1:${port}/rt`,
      ...(wires === undefined ? {} : { wires }),
      webSocket: WebSocket as never,
      ...(hasty ? { backoff: { baseMs: 10, capMs: 50 } } : {}),
    })
    const reader = new Reader()
    clients.set(id, { client, reader })
    if (down === undefined) return true
    const handle = client.channels.down({ run: down })
    const c = handle.address
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
    observer.subscribe(() => reader.emit('news'))
    return reader.until(() => observer.getSnapshot().status === 'live', boundMs)
  },

  /** Publishes 1 to `count` and resolves when each has been answered. */
  async publish({
    id,
    run,
    count,
    everyMs,
  }: {
    id: string
    run: string
    count: number
    everyMs: number
  }): Promise<void> {
    const { client } = of(id)
    const handle = client.channels.up({ run })
    const waiting = new Set<Promise<void>>()
    write({ k: 'reads', c: handle.address, r: 'log' })
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
      await sleep(everyMs)
    }
    await Promise.all(waiting)
  },

  /** Waits until all of these clients have the end mark; says who has not. */
  marked({ ids, n, boundMs }: { ids: readonly string[]; n: number; boundMs: number }): Promise<string[]> {
    return untilMarked(new Map(ids.map((id) => [id, of(id).reader])), n, boundMs)
  },

  setWires({ ids, wires }: { ids: readonly string[]; wires: readonly WireName[] | null }): void {
    for (const id of ids) of(id).client.setWires(wires ?? undefined)
  },

  report(id: string): ClientReport {
    return { wire: of(id).client.connection.getSnapshot().wire }
  },

  /**
   * Makes a client and measures the milliseconds until a first event has reached its handler, from the constructor on.
   * Events are expected to come all the time.
   */
  async timeToFirst(setup: ClientSetup & { readonly boundMs: number }): Promise<number | null> {
    const startedAt = performance.timeOrigin + performance.now()
    const opening = handlers.open(setup)
    const { reader } = of(setup.id)
    const came = await reader.until(() => reader.firstAt !== undefined, setup.boundMs)
    await opening
    return came ? (reader.firstAt as number) - startedAt : null
  },

  /** The longest time between two events since the last call. */
  takeSilence(id: string): number {
    return of(id).reader.takeSilence()
  },

  close(ids: readonly string[]): void {
    for (const id of ids) {
      of(id).client.close()
      clients.delete(id)
    }
  },
}

/** What the parent may call. */
export type TriwireClientProcess = typeof handlers

serveParent(handlers)
