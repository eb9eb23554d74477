// The processes of a long run: nodes, each with a line of its own to the store, and a process of clients per wire behind
// a balancer that sends every request to another node.

import { setTimeout as sleep } from 'node:timers/promises'
import type { WireName } from '@triwire/client'
import { type Relay, type RoundRobin, startRelay, startRoundRobin } from '@triwire-test/services'
import type { FleetProcess } from '../processes/fleet.ts'
import type { NodeProcess } from '../processes/node.ts'
import { type Child, startChild } from '../processes/parent.ts'
import type { Engine } from './engine.ts'

/** The wires of a run. */
export const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']

/** Milliseconds a lease of presence runs in a long run, and a member stays after its connection: short, to see the end. */
export const LEASE_MS = 3000
const GRACE_MS = 2000

/** A node, over its lives. */
export interface StationNode {
  readonly name: string
  readonly relay: Relay
  readonly port: number
  child: Child<NodeProcess>
  life: number
}

/** All of it. */
export interface Station {
  readonly engine: Engine
  readonly nodes: readonly StationNode[]
  readonly fleets: ReadonlyMap<WireName, Child<FleetProcess>>
  readonly front: RoundRobin
  /** Leads every line to where the store is served now. */
  follow(): void
  /** SIGKILL, a moment without it, and another life on the same port. */
  replace(node: StationNode, awayMs: number): Promise<void>
  close(): Promise<void>
}

/** Starts one. Histories of nodes go to `folder`. */
export async function startStation(
  engine: Engine,
  options: { folder: string; nodes: number; clients: Readonly<Record<string, readonly string[]>> },
): Promise<Station> {
  const start = async (
    name: string,
    life: number,
    relay: Relay,
    port: number,
  ): Promise<{ child: Child<NodeProcess>; port: number }> => {
    const child = await startChild<NodeProcess>('node')
    const started = await child.call('start', {
      folder: options.folder,
      name: `${name}-${life}`,
      port,
      broker: engine.spec(relay.port),
      limits: { presenceLeaseMs: LEASE_MS, presenceGraceMs: GRACE_MS },
    })
    return { child, port: started.port }
  }
  const nodes: StationNode[] = []
  for (let index = 0; index < options.nodes; index++) {
    const name = `node-${'abcdefgh'[index]}`
    const relay = await startRelay(engine.port)
    nodes.push({ name, relay, life: 0, ...(await start(name, 0, relay, 0)) })
  }
  const front = await startRoundRobin(nodes.map(({ port }) => port))
  const fleets = new Map<WireName, Child<FleetProcess>>()
  for (const wire of WIRES) {
    const fleet = await startChild<FleetProcess>('fleet')
    await fleet.call('open', { ids: options.clients[wire] ?? [], port: front.port, wire })
    fleets.set(wire, fleet)
  }
  return {
    engine,
    nodes,
    fleets,
    front,
    follow: () => {
      for (const { relay } of nodes) relay.target = engine.port
    },
    replace: async (node, awayMs) => {
      await node.child.kill()
      await sleep(awayMs)
      node.life++
      node.child = (await start(node.name, node.life, node.relay, node.port)).child
    },
    close: async () => {
      for (const fleet of fleets.values()) await fleet.kill()
      for (const { child, relay } of nodes) {
        await child.kill()
        await relay.close()
      }
      await front.close()
    },
  }
}
