// Several nodes on one machine: a store they share, the nodes, a balancer in front of them, and a ticker beside them.
//
//   PORT       where the balancer listens; default 3000, and 0 takes any free port
//   HOST       which address it listens on; default 127.0.0.1, so this machine only
//   REDIS_URL  a Redis to use with `--broker redis`; without it the demo finds or starts one

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { addressFrom } from '../listen.ts'
import { createDemoRealtime } from '../realtime.ts'
import { type BrokerName, connect, provideStore } from './brokers.ts'
import { Fleet } from './fleet.ts'
import { createFront } from './front.ts'
import { startTicker } from './ticker.ts'

/** Milliseconds that starting may take where it is to end at once. */
const START_MS = 5000

/** What a cluster is made of. */
export interface ClusterOptions {
  readonly nodes: number
  readonly broker: BrokerName
  /** The server's file. */
  readonly script: string
}

/** Starts everything, and ends everything again: on SIGINT or SIGTERM, or where something is missing. */
export function runCluster(options: ClusterOptions): void {
  /** What has been started and must end, in the order it was started. */
  const ends: (() => unknown)[] = []
  let stopping: Promise<never> | undefined
  const stop = (code: number): Promise<never> => {
    stopping ??= (async () => {
      // What is half started has no end yet.
      await Promise.race([Promise.allSettled([started]), sleep(START_MS)])
      for (const end of ends.toReversed()) await end()
      process.exit(code)
    })()
    return stopping
  }
  const giveUp = (reason: string): void => {
    if (stopping === undefined) console.error(reason)
    void stop(1)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0))
  const started = startCluster(options, ends, giveUp)
  started.catch((error: unknown) => giveUp(error instanceof Error ? error.message : String(error)))
}

async function startCluster(
  { nodes, broker, script }: ClusterOptions,
  ends: (() => unknown)[],
  giveUp: (reason: string) => void,
): Promise<void> {
  const fleet = new Fleet({ size: nodes, script })
  const front = createFront(fleet)
  const port = await listen(front)
  ends.push(() => front.close())

  const store = await provideStore(broker)
  ends.push(() => store.stop())
  void store.ended.then(() => giveUp(`What the nodes share has ended: ${store.text}.`))

  // A store may hold other demos, and whatever else: each has a part of it that is named by its port.
  const settings = { broker, url: store.url, name: `triwire-demo-${port}`, storePid: store.pid }
  const realtime = createDemoRealtime({ broker: await connect(settings.broker, settings.url, settings.name) })
  ends.push(() => realtime.close())

  ends.push(() => fleet.stop())
  await fleet.start(settings)

  const { emit } = realtime.channels.cluster()
  ends.push(
    startTicker(
      (tick) => emit('tick', tick),
      () => ({ nodes: fleet.nodes, seats: fleet.seats }),
    ),
  )
  console.log(`Triwire demo on http://localhost:${port}\n${nodes} nodes, and ${store.text}`)
}

/** Before anything else is started, because a port that is in use is the likeliest trouble. */
async function listen(front: Server): Promise<number> {
  const { port, hostname, problem } = addressFrom(process.env)
  front.listen(port, hostname)
  try {
    await once(front, 'listening')
  } catch (error) {
    throw new Error(problem(error as NodeJS.ErrnoException), { cause: error })
  }
  return (front.address() as AddressInfo).port
}
