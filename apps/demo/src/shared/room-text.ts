// A room in words, the same in both clients.

import type { ChannelState, Gap } from '@triwire/client'

const STATUS: Readonly<Record<ChannelState<unknown>['status'], string>> = {
  idle: 'idle',
  joining: 'joining…',
  live: 'live',
  stale: 'waiting…',
  denied: 'denied',
  error: 'refused',
  ended: 'ended',
}

const GAP: Readonly<Record<Gap['reason'], string>> = {
  trimmed: 'Some messages are missing: they were trimmed while you were away.',
  lost_tail: 'Some messages are missing: the server lost them in a failure.',
  new_epoch: 'Some messages may be missing: the server started afresh.',
}

/** The state of a room in one or two words. */
export function statusText(status: ChannelState<unknown>['status']): string {
  return STATUS[status]
}

/** Why there is a hole. */
export function gapText(reason: Gap['reason']): string {
  return GAP[reason]
}

/** What waits for the server's answer; empty where nothing does. */
export function pendingText(pending: number): string {
  return pending === 0 ? '' : `sending ${pending}…`
}

/** Who is typing; empty where nobody is. */
export function typingText(names: readonly string[]): string {
  if (names.length === 0) return ''
  if (names.length > 2) return `${names.length} people are typing…`
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing…`
}

/** Why something was not sent, as a sentence. */
export function failureText(error: unknown): string {
  return `Not sent: ${error instanceof Error ? error.message : String(error)}`
}

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })

/** The time of a message: `14:05`, or as the reader's language has it. */
export function timeText(at: number): string {
  return clock.format(at)
}
