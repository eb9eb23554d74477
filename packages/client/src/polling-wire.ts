/**
 * Long polling: a stream that ends after its first batch. What the client has seen is in the cursors of its next poll,
 * so a lost response is simply asked for again and an abandoned poll costs nothing.
 */
import { POLL_HOLD_MS } from '@triwire/protocol'
import { createRequests, type Outcome } from './requests.ts'
import { connectionsAreScarce } from './slots.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Milliseconds beyond the hold after which a poll counts as lost. */
const GRACE_MS = 10_000
/** Milliseconds between polls of a tab that may not hold a connection. */
const PAUSE_MS = 2000

/** Starts polling. */
export function openPolling(options: WireOptions): Wire {
  const { source, listener } = options
  const { hold, ask, pause, send, close } = createRequests(options)
  let poll = new AbortController()
  // The first poll answers at once: it is the sign that this wire works.
  let waitMs = 0

  const run = async (): Promise<void> => {
    const handleText = (text: string): void => {
      waitMs = POLL_HOLD_MS
      listener.handleText(text)
    }
    for (let outcome: Outcome = 'answered'; outcome !== 'over'; ) {
      const mayHold = !connectionsAreScarce() || (await hold())
      poll = new AbortController()
      outcome = await ask('/poll', source.opening(mayHold ? waitMs : 0), waitMs + GRACE_MS, poll, handleText)
      if (outcome === 'answered' && !mayHold) await pause(PAUSE_MS, poll)
    }
  }

  void run()
  // Ends the poll because the set of channels has changed: the next one asks with the new set. It is not held, because what
  // it asks is waited for, and where nothing is new, a poll that is held has no answer for long.
  const change = (): void => {
    waitMs = 0
    poll.abort()
  }
  return { send, change, close }
}
