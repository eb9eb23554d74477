// The chat's database, as far as a demo needs one: the last messages of the last rooms, in memory.

import type { Message } from './contract.ts'

const MESSAGES_PER_ROOM = 100
const ROOMS = 200

const rooms = new Map<string, Message[]>()

/** The last messages of a room, oldest first. */
export function lastMessages(room: string): readonly Message[] {
  return rooms.get(room) ?? []
}

/** Stores a message once: a command that is run again has the same id and finds what it stored before. */
export function storeMessage(room: string, message: Message): Message {
  const messages = rooms.get(room) ?? []
  const stored = messages.find(({ id }) => id === message.id)
  if (stored) return stored
  rooms.delete(room) // so that it comes back as the newest
  rooms.set(room, [...messages, message].slice(-MESSAGES_PER_ROOM))
  for (const oldest of rooms.keys()) {
    if (rooms.size <= ROOMS) break
    rooms.delete(oldest)
  }
  return message
}
