/** The server that the cases run against when no other one is named, or several that act as one. */
import { type Broker, type Limits, memory } from '@triwire/server'
import { startRoundRobin } from '@triwire-test/services'
import { Database } from './database.ts'
import type { Host, StartHost } from './host.ts'
import { createLog } from './inside.ts'
import { startNode } from './node.ts'

/** What stands in front of the nodes. */
export interface Front {
  /** Scheme, host and port. */
  readonly origin: string
  close(): Promise<void>
}

/** What a fixture is made of. */
export interface FixtureOptions {
  readonly limits?: Partial<Limits> | undefined
  /** Whether its host cannot tell how much it has buffered. */
  readonly isBlind?: boolean
  /** Makes the broker of each node, all of them on one store. Default one node with a memory broker. */
  readonly brokers?: readonly (() => Broker)[]
  /** Starts what stands in front of the nodes at these ports of loopback. Default nothing for one, a round robin for several. */
  readonly startFront?: ((ports: readonly number[]) => Promise<Front>) | undefined
  /** Starts the server in place of nodes in this process; brokers and fronts are its own business then. */
  readonly startHost?: StartHost | undefined
}

/** Starts one. */
export async function startFixture(options: FixtureOptions = {}): Promise<Host> {
  const { limits = {}, isBlind = false, brokers = [memory], startFront, startHost } = options
  if (startHost !== undefined) return await startHost({ limits, isBlind })
  const { logger, logged } = createLog()
  const database = new Database()
  const nodes = await Promise.all(
    brokers.map((createBroker) => startNode({ broker: createBroker(), database, limits, isBlind, logger })),
  )
  const [first] = nodes
  if (first === undefined) throw new Error('A fixture has at least one node.')
  const ports = nodes.map(({ port }) => port)
  const front = startFront ? await startFront(ports) : ports.length > 1 ? await roundRobin(ports) : undefined
  return {
    base: `${front?.origin ?? `http://127.0.0.1:${first.port}`}/rt`,
    logged: async () => logged,
    emit: (address, event, data) => first.emit(address, event, data),
    drain: async (spreadMs) => void (await Promise.all(nodes.map((node) => node.drain(spreadMs)))),
    leave: async () => void (await Promise.all(nodes.map((node) => node.leave()))),
    close: async () => {
      await front?.close()
      await Promise.all(nodes.map((node) => node.close()))
    },
  }
}

async function roundRobin(ports: readonly number[]): Promise<Front> {
  const { port, close } = await startRoundRobin(ports)
  return { origin: `http://127.0.0.1:${port}`, close }
}
