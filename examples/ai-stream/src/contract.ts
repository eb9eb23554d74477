import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const Answer = z.object({
  text: z.string(),
  /** How it ended; null while it goes on. */
  ended: z.enum(['done', 'failed']).nullable(),
})

export const api = contract({
  answer: channel('answer/:id', {
    events: {
      /** `at` is its place in the text, so that no reader can take it twice. */
      token: z.object({ at: z.number(), text: z.string() }),
      /** The end is said, so that nobody takes a connection that broke for an answer that is finished. */
      end: z.object({ how: z.enum(['done', 'failed']) }),
    },
    // Newcomers get what there is so far.
    snapshot: Answer,
    // For those who were away for a moment.
    history: { keep: 2000, ttl: '10m' },
  }),
})

export type Api = typeof api
export type Answer = z.output<typeof Answer>
