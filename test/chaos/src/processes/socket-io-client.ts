// Socket.IO clients, many in one process, doing what the Triwire clients do.

import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { io, type Socket } from 'socket.io-client'
import { type HistoryLine, openHistory } from '../history.ts'
import { serveParent } from './child.ts'
import { Reader, untilMarked } from './reader.ts'

/** How a client is set up. */
export interface SocketIoSetup {
  readonly id: string
  readonly port: number
  /** Left out: the default, polling and then an upgrade. */
  readonly transports?: readonly ('websocket' | 'polling')[]
  readonly run: string
  /** Sends again until acknowledged, up to so many times. */
  readonly retries?: number
  readonly hasty?: boolean
  /** Requests share connections, as in browsers. By default in Node each opens its own, which costs a round trip. */
  readonly keepAlive?: boolean
}

const clients = new Map<
  string,
  { readonly socket: Socket; readonly reader: Reader; readonly withRetries: boolean }
>()
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

  /** Makes a client and resolves when it is connected, or after the bound; says which. */
  open(setup: SocketIoSetup & { readonly boundMs: number }): Promise<boolean> {
    const { id, port, transports, run, retries, hasty, keepAlive, boundMs } = setup
    const socket = io(`http://127.0.0.1:${port}`, {
      ...(transports === undefined ? {} : { transports: [...transports] }),
      ...(retries === undefined ? {} : { retries, ackTimeout: 1000 }),
      ...(hasty ? { reconnectionDelay: 10, reconnectionDelayMax: 50 } : {}),
      query: { run },
      ...(keepAlive ? { agent: new Agent({ keepAlive: true }) as never } : {}),
      forceNew: true,
    })
    const reader = new Reader()
    clients.set(id, { socket, reader, withRetries: retries !== undefined })
    const c = `down?run=${run}`
    if (retries === undefined) write({ k: 'reads', c, r: id })
    socket.on('connect', () => reader.emit('news'))
    socket.on('message', ({ s, n }: { s: string; n: number }) => {
      if (s === 'end') reader.marked = Math.max(reader.marked, n)
      // Those with retries are there for what goes up.
      else if (retries === undefined) write({ k: 'got', c, r: id, s, n })
      reader.handleMessage()
    })
    return reader.until(() => socket.connected, boundMs)
  },

  /** Sends 1 to `count`. With retries an acknowledgement counts as the answer, otherwise that `emit` took it. */
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
    const { socket, withRetries } = of(id)
    write({ k: 'reads', c: `up?run=${run}`, r: 'server' })
    for (let n = 1; n <= count; n++) {
      const message = { c: `up?run=${run}`, s: id, n } as const
      write({ k: 'sent', ...message })
      if (withRetries) {
        socket.emit('message', message, (error: Error | null) => {
          write(error ? { k: 'failed', ...message, code: error.message } : { k: 'acked', ...message })
        })
      } else {
        socket.emit('message', message)
        write({ k: 'acked', ...message })
      }
      await sleep(everyMs)
    }
  },

  /** Waits until something sent behind everything else was answered. */
  async flushed({ id, boundMs }: { id: string; boundMs: number }): Promise<boolean> {
    const { socket } = of(id)
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), boundMs)
      socket.emit('end', () => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  },

  marked({ ids, n, boundMs }: { ids: readonly string[]; n: number; boundMs: number }): Promise<string[]> {
    return untilMarked(new Map(ids.map((id) => [id, of(id).reader])), n, boundMs)
  },

  async timeToFirst(setup: SocketIoSetup & { readonly boundMs: number }): Promise<number | null> {
    const startedAt = performance.timeOrigin + performance.now()
    const opening = handlers.open(setup)
    const { reader } = of(setup.id)
    const came = await reader.until(() => reader.firstAt !== undefined, setup.boundMs)
    await opening
    return came ? (reader.firstAt as number) - startedAt : null
  },

  close(ids: readonly string[]): void {
    for (const id of ids) {
      of(id).socket.disconnect()
      clients.delete(id)
    }
  },
}

/** What the parent may call. */
export type SocketIoClientProcess = typeof handlers

serveParent(handlers)
