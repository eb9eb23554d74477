// What the measurements of time have in common: one Triwire node, one Socket.IO server and a process of clients for
// each, with events that never stop, so that the first one to arrive tells when a client was connected.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeProcess } from './processes/node.ts'
import { type Child, startChild } from './processes/parent.ts'
import type { SocketIoClientProcess } from './processes/socket-io-client.ts'
import type { SocketIoServerProcess } from './processes/socket-io-server.ts'
import type { TriwireClientProcess } from './processes/triwire-client.ts'

/** A running station. */
export interface Station {
  readonly triwirePort: number
  readonly socketIoPort: number
  readonly triwire: Child<TriwireClientProcess>
  readonly socketIo: Child<SocketIoClientProcess>
  close(): Promise<void>
}

/** The channel, or room, in which something is said all the time. */
export const BUSY = 'busy'
/** The one in which nothing is. */
export const QUIET = 'quiet'
/** Milliseconds between two events of the busy one: the grain of every time measured here. */
const EVERY_MS = 10

/** Starts one. */
export async function startStation(): Promise<Station> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-chaos-'))
  const node = await startChild<NodeProcess>('node')
  const server = await startChild<SocketIoServerProcess>('socket-io-server')
  const triwire = await startChild<TriwireClientProcess>('triwire-client')
  const socketIo = await startChild<SocketIoClientProcess>('socket-io-client')
  const { port: triwirePort } = await node.call('start', { folder, name: 'node' })
  const { port: socketIoPort } = await server.call('start', { folder, name: 'server' })
  const forever = { run: BUSY, count: 10_000_000, everyMs: EVERY_MS }
  // They end with their processes. Clients are told no folder, so they write no histories.
  node.call('emit', forever).catch(() => undefined)
  server.call('emit', forever).catch(() => undefined)
  return {
    triwirePort,
    socketIoPort,
    triwire,
    socketIo,
    async close() {
      for (const child of [triwire, socketIo, node, server]) await child.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The middle of some values; null where most of them never came. */
export function median(values: readonly (number | null)[]): number | null {
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((one, other) => one - other)
  const middle = sorted[Math.floor(sorted.length / 2)]
  return middle === undefined || middle === Number.POSITIVE_INFINITY ? null : middle
}
