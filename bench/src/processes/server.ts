// The process of the server that is measured. It speaks as it is told, and says what that cost.

import { setTimeout as sleep } from 'node:timers/promises'
import { serveParent } from '@triwire-test/chaos/processes/child'
import { FEEDERS } from '../browser/feeders.ts'
import type { ReaderName } from '../browser/readers.ts'
import { channelAt, type Speech } from '../layout.ts'
import { clockUs, messageNow } from '../message.ts'
import type { BenchServer, Surroundings } from '../servers/bench-server.ts'
import { startScripted } from '../servers/scripted.ts'
import { SERVERS, type ServerName } from '../servers/servers.ts'
import { PauseRecorder, type Pauses } from './pauses.ts'

/** A speech in ticks. */
export interface Ticks extends Speech {
  /** Messages of one tick, said in one turn of the event loop. */
  readonly perTick: number
  /** Milliseconds from one tick to the next; a tick that is late is not made up for. 0: as soon as the last one is out. */
  readonly everyMs: number
}

/** Microseconds of CPU since the process began. */
export interface Cpu {
  readonly userUs: number
  readonly systemUs: number
}

/** Bytes held after collections. */
export interface Memory {
  readonly residentBytes: number
  readonly heapBytes: number
  /** Buffers outside of the heap. */
  readonly externalBytes: number
}

/** What is open, by number. */
export interface Census {
  /** Sockets, servers and pipes. */
  readonly handles: number
  readonly timers: number
  /** Of the broker. */
  readonly channels: number
  readonly subscriptions: number
}

let server: BenchServer
const recorder = new PauseRecorder()

const handlers = {
  async start({
    name,
    folder = '',
    origins = [],
  }: Partial<Surroundings> & { name: ServerName }): Promise<{ port: number }> {
    server = await (await SERVERS[name]()).start({ folder, origins })
    return { port: server.port }
  },

  /** Starts a server that only says what this one would. */
  async startScripted(name: ReaderName): Promise<{ port: number }> {
    server = await startScripted(FEEDERS[name])
    return { port: server.port }
  },

  /** Says it all, and resolves when the last message has been handed over. */
  async speak(ticks: Ticks): Promise<void> {
    const startedAt = clockUs()
    let due = 0
    for (let said = 0; said < ticks.messages; ) {
      const end = Math.min(said + ticks.perTick, ticks.messages)
      for (; said < end; said++) server.publish(String(channelAt(ticks, said)), messageNow())
      due += ticks.everyMs
      const early = due - (clockUs() - startedAt) / 1000
      // A late tick gives everything else its turn all the same, and moves the ones after it.
      if (ticks.everyMs === 0) await new Promise(setImmediate)
      else if (early > 1) await sleep(early)
      else {
        due -= early - 1
        await sleep(1)
      }
    }
  },

  /** Resolves when what was said outlives this process. */
  async stored(): Promise<void> {
    if (server.stored === undefined) throw new Error('This server keeps nothing.')
    await server.stored()
  },

  cpu(): Cpu {
    const { user, system } = process.cpuUsage()
    return { userUs: user, systemUs: system }
  },

  /** Records the pauses of collections from now on. On Node only. */
  watchPauses(): void {
    recorder.start()
  },

  /** Those since then, and no more of them. */
  pauses(): Promise<Pauses> {
    return recorder.stop()
  },

  async memory(): Promise<Memory> {
    // More than once, with turns in between: what finalizers let go, the next collection frees.
    for (let round = 0; round < 4; round++) {
      collect()
      await sleep(20)
    }
    const { rss, heapUsed, external } = process.memoryUsage()
    return { residentBytes: rss, heapBytes: heapUsed, externalBytes: external }
  },

  census(): Census {
    const resources = process.getActiveResourcesInfo()
    const timers = resources.filter((name) => name === 'Timeout' || name === 'Immediate').length
    const { channels = 0, subscriptions = 0 } = server.stats?.() ?? {}
    return { handles: resources.length - timers, timers, channels, subscriptions }
  },

  /** Resolves when so much has come up without an answer, counted from the start; false after `boundMs`. */
  async hear({ count, boundMs }: { count: number; boundMs: number }): Promise<boolean> {
    // Looked at now and then: whatever told us of each one would be measured along.
    for (const endsAt = Date.now() + boundMs; Date.now() < endsAt; await sleep(5)) {
      if ((server.received?.() ?? 0) >= count) return true
    }
    return false
  },
}

function collect(): void {
  const { Bun } = globalThis as { readonly Bun?: { gc(isSync: boolean): void } }
  if (Bun === undefined) globalThis.gc?.()
  else Bun.gc(true)
}

/** What the parent may call. */
export type ServerProcess = typeof handlers

serveParent(handlers)
