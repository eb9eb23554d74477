// The contract of the chaos runs: one channel down, one up, payloads that say who sent them and which one they are.

import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const Numbered = z.object({ s: z.string(), n: z.number(), pad: z.string().optional() })

/**
 * Room for everything a run sends, so that nothing is trimmed unless a case wants it. `history.bytes` has no option of
 * its own in `channel()` (1 MiB), so it is set on the result.
 */
function roomy<const TChannel extends { readonly history: { readonly bytes: number } }>(made: TChannel): TChannel {
  return { ...made, history: { ...made.history, bytes: 512 * 1024 * 1024 } }
}

/** What both ends agree on. */
export const api = contract({
  down: roomy(
    channel('down/:run', {
      events: { message: Numbered },
      presence: z.object({ s: z.string() }),
      history: { keep: 100_000, ttl: '10m' },
    }),
  ),
  up: roomy(
    channel('up/:run', {
      events: { message: Numbered },
      publish: ['message'],
      history: { keep: 100_000, ttl: '10m' },
    }),
  ),
})
