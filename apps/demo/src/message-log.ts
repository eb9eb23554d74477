// The chat's memory, as far as a demo needs one: the log of the room itself, wherever the broker keeps it. So every
// node has the same past to show, on any broker. A real app asks its database here, which outlives the log's hour.

import { formatAddress } from '@triwire/protocol'
import type { Broker } from '@triwire/server'
import type { Message } from './contract.ts'

const MESSAGES = 100
const BYTES = 1_048_576

/** The last messages of a room, oldest first. */
export async function lastMessages(broker: Broker, roomId: string): Promise<Message[]> {
  const address = formatAddress('chat', { roomId })
  const page = await broker.read(address, { tail: MESSAGES, limit: MESSAGES, bytes: BYTES })
  return page.status === 'page' ? page.entries.map(({ data }) => JSON.parse(data) as Message) : []
}
