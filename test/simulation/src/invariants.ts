/** What must always hold, by name: each with the sentence that the command prints. */

export const INVARIANTS = {
  contiguous:
    'Between gaps a follower sees exactly the events of the log, in order, each behind the one before it.',
  'no duplicates': 'No follower sees an event twice.',
  gaps: 'A gap is told exactly once per loss, and never without one.',
  snapshots:
    'A state that began from a snapshot is the fold of the log; what both contain comes marked as overlap.',
  'acked once': 'An acknowledged publish is in the log exactly once, unless the store has lost it.',
  'refused never': 'A refused publish is not in the log; one whose outcome is unknown is there at most once.',
  fifo: "A session's publishes to a channel keep their order.",
  commands: 'A command has one effect and one reply, the one its handler returned.',
  authorised:
    'Nothing of a channel reaches a connection that was opened when its user was not allowed in, nor an older one five seconds after nodes were told, nor anything that was logged after the end of its token.',
  seamless: 'Where nodes leave gently and nothing else goes wrong, no state ceases to be live.',
  tenants: 'No byte of one tenant is written to another.',
  'caught up': 'Everybody has caught up 45 seconds after the healing, and every promise is settled.',
  'bounded memory': 'What waits for a slow client is bounded by the limit and one page.',
  'no storm': 'However little works, no client asks for more than 60 sockets and streams within ten seconds.',
  presence: 'Presence shows who is there, once all leases have run out.',
  'clean end': 'After closing, no timer, socket, request or subscription is left.',
  'no crash': 'Nothing is thrown where nobody catches it, and no client gives up by itself.',
} as const

/** The name of an invariant. */
export type Invariant = keyof typeof INVARIANTS
