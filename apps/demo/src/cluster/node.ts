// The side of a node: how a server process finds out that it is one of several, and what it tells its parent.

import type { Broker } from '@triwire/server'
import { connect, isBrokerName } from './brokers.ts'
import { NODE_SETTINGS, type NodeMessage, type NodeSettings } from './messages.ts'

/** This process as one of several. */
export interface Node {
  readonly broker: Broker
  listening(port: number): void
  /** The client with this seat was let in here. */
  seat(seat: string): void
  onDrain(drain: () => void): void
}

/** Undefined where this process is the only one. */
export async function asNode(): Promise<Node | undefined> {
  const text = process.env[NODE_SETTINGS]
  if (text === undefined) return undefined
  const { broker, url, name, storePid } = JSON.parse(text) as NodeSettings
  if (!isBrokerName(broker)) throw new Error(`There is no broker "${broker}".`)
  // Nobody restarts or stops a node whose parent has died, and nobody stops the parent's store then.
  process.once('disconnect', () => {
    if (storePid !== undefined) end(storePid)
    process.exit(0)
  })
  const say = (message: NodeMessage): void => void (process.connected && process.send?.(message, ignore))
  return {
    broker: await connect(broker, url, name),
    listening: (port) => say({ type: 'listening', port }),
    seat: (seat) => say({ type: 'seat', seat }),
    onDrain: (drain) => void process.on('message', drain),
  }
}

/** Of several nodes the first one ends it, and the others find it gone. */
function end(pid: number): void {
  try {
    process.kill(pid)
  } catch {}
}

/** The parent may end between the look and the message. */
function ignore(): void {}
