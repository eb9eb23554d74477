// Messages and the holes between them, in the order they are shown.

import type { EventMeta, Gap } from '@triwire/client'
import type { Message } from '../contract.ts'
import { gapText } from './room-text.ts'

const SHOWN = 500

/** A hole, with the id of the last message before it; undefined puts it first. */
export interface GapNote {
  readonly id: string
  readonly after: string | undefined
  readonly text: string
}

/** One line of a room. `follows`: by the same author as the message right above. */
export type Entry =
  | { readonly kind: 'message'; readonly id: string; readonly message: Message; readonly follows: boolean }
  | { readonly kind: 'gap'; readonly id: string; readonly text: string }

/** Appends a message, unless the snapshot that the list started from has it already. */
export function append(messages: Message[], message: Message, meta: EventMeta): Message[] {
  if (meta.overlap && messages.some(({ id }) => id === message.id)) return messages
  return [...messages, message].slice(-SHOWN)
}

/** A note for a gap that just opened after these messages, and what was done about it. */
export function gapNote(gap: Gap, messages: readonly Message[], remedy = ''): GapNote {
  return { id: `gap:${gap.from}`, after: messages.at(-1)?.id, text: `${gapText(gap.reason)} ${remedy}`.trim() }
}

/** The lines of a room. A note whose message is gone, because a snapshot replaced the list, stands first. */
export function timeline(messages: readonly Message[], gaps: readonly GapNote[]): Entry[] {
  const known = new Set(messages.map(({ id }) => id))
  const notesAfter = (id: string | undefined): Entry[] =>
    gaps
      .filter(({ after }) => (after !== undefined && known.has(after) ? after : undefined) === id)
      .map((note) => ({ kind: 'gap', id: note.id, text: note.text }))

  const entries = notesAfter(undefined)
  for (const message of messages) {
    const above = entries.at(-1)
    const follows = above?.kind === 'message' && above.message.from === message.from
    entries.push({ kind: 'message', id: message.id, message, follows }, ...notesAfter(message.id))
  }
  return entries
}
