// `pnpm chaos connect`: what it costs to connect, in round trips. The time to the first delivered event over a distance,
// minus the same without distance, divided by the round trip. TCP's own handshake is counted as one. And what a change of
// wires costs a client in whose channel something is said all the time: its longest silence.

import { setTimeout as sleep } from 'node:timers/promises'
import type { WireName } from '@triwire/client'
import { type FaultProxy, startFaultProxy } from './proxy/fault-proxy.ts'
import { BUSY, median, type Station, startStation } from './station.ts'

const RTT_MS = 200
const BOUND_MS = 20_000

interface Subject {
  readonly name: string
  readonly measure: (station: Station, proxy: FaultProxy, id: string) => Promise<number | null>
  readonly portOf: (station: Station) => number
}

function triwire(name: string, wires?: readonly WireName[]): Subject {
  return {
    name: `Triwire, ${name}`,
    portOf: ({ triwirePort }) => triwirePort,
    async measure({ triwire }, { port }, id) {
      const setup = { id, port, ...(wires === undefined ? {} : { wires }), down: BUSY, boundMs: BOUND_MS }
      const time = await triwire.call('timeToFirst', setup)
      await triwire.call('close', [id])
      return time
    },
  }
}

function socketIo(name: string, transports?: readonly ('websocket' | 'polling')[]): Subject {
  return {
    name: `Socket.IO, ${name}`,
    portOf: ({ socketIoPort }) => socketIoPort,
    async measure({ socketIo }, { port }, id) {
      const setup = {
        id,
        port,
        ...(transports === undefined ? {} : { transports }),
        run: BUSY,
        keepAlive: true,
        boundMs: BOUND_MS,
      }
      const time = await socketIo.call('timeToFirst', setup)
      await socketIo.call('close', [id])
      return time
    },
  }
}

const SUBJECTS: readonly Subject[] = [
  triwire('default'),
  triwire('websocket', ['websocket']),
  triwire('sse', ['sse']),
  triwire('polling', ['polling']),
  socketIo('default'),
  socketIo('websocket', ['websocket']),
  socketIo('polling', ['polling']),
]

/** Measures and prints. */
export async function measureConnect({ runs }: { readonly runs: number }): Promise<number> {
  const station = await startStation()
  console.log(`Time to the first delivered event; medians of ${runs}, round trip of ${RTT_MS} ms\n`)
  try {
    for (const subject of SUBJECTS) {
      const times: Record<'near' | 'far', (number | null)[]> = { near: [], far: [] }
      for (const [place, rttMs] of [
        ['near', 0],
        ['far', RTT_MS],
      ] as const) {
        // The first one warms up both ends. Each has a proxy of its own: nobody has a connection to it yet.
        for (let run = 0; run <= runs; run++) {
          const proxy = await startFaultProxy({ targets: [subject.portOf(station)], rttMs })
          const time = await subject.measure(station, proxy, `${subject.name} ${place} ${run}`)
          await proxy.close()
          if (run > 0) times[place].push(time)
        }
      }
      const near = median(times.near)
      const far = median(times.far)
      const trips = near === null || far === null ? '–' : ((far - near) / RTT_MS).toFixed(2)
      const detail = `${near?.toFixed(0) ?? '–'} ms near, ${far?.toFixed(0) ?? '–'} ms far`
      console.log(`${subject.name.padEnd(22)}${trips.padStart(6)} round trips   (${detail})`)
    }
    await measureChanges(station, Math.min(runs, 3))
    return 0
  } finally {
    await station.close()
  }
}

const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']
/** Milliseconds a client has to come to rest on a wire, before and after the change. */
const REST_MS = 2000

async function measureChanges(station: Station, runs: number): Promise<void> {
  console.log('\nLongest silence of a client that changes from one wire to another, and before it; medians in ms\n')
  const { triwire: clients, triwirePort } = station
  for (const from of WIRES) {
    for (const to of WIRES.filter((wire) => wire !== from)) {
      const before: number[] = []
      const during: number[] = []
      for (let run = 0; run < runs; run++) {
        const proxy = await startFaultProxy({ targets: [triwirePort], rttMs: RTT_MS })
        const id = `${from} ${to} ${run}`
        await clients.call('open', { id, port: proxy.port, wires: [from], down: BUSY, boundMs: BOUND_MS })
        await sleep(REST_MS)
        await clients.call('takeSilence', id)
        await sleep(REST_MS)
        before.push(await clients.call('takeSilence', id))
        await clients.call('setWires', { ids: [id], wires: [to] })
        await sleep(REST_MS)
        during.push(await clients.call('takeSilence', id))
        await clients.call('close', [id])
        await proxy.close()
      }
      const ms = (values: number[]): string => (median(values) ?? 0).toFixed(0).padStart(5)
      console.log(`${`${from} → ${to}`.padEnd(24)}${ms(during)} changing, ${ms(before)} before`)
    }
  }
}
