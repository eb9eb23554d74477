/** A channel's events as an async iterator: `for await (const event of channel.events())`. */
import { type Delivery, TriwireError } from '@triwire/protocol'
import type { ChannelStore } from './channel-store.ts'
import type { EventMeta } from './channel-types.ts'
import { isNews, metaOf } from './fold.ts'
import { Follower } from './follower.ts'

/** Events that may wait for a slow consumer. Beyond it the iteration fails rather than losing some in silence. */
const MAX_WAITING = 10_000

interface PlainEvent {
  readonly type: string
  readonly data: unknown
  readonly meta: EventMeta
}

/** Iterates over events, behind `after` where given, else from now on. Ending the loop stops following. */
export async function* iterateEvents(
  store: ChannelStore,
  after: string | undefined,
): AsyncGenerator<PlainEvent, void, void> {
  const waiting: PlainEvent[] = []
  let failure: TriwireError | undefined
  let wake: () => void = () => {}

  const handle = (delivery: Delivery): void => {
    // Nothing is handed out behind a hole.
    if (failure !== undefined) return
    if (delivery.type === 'gap') {
      failure = new TriwireError('gap', `Events are missing (${delivery.reason}). Start again from now.`)
    } else if (delivery.type === 'event' && (after !== undefined || isNews(delivery))) {
      if (waiting.length === MAX_WAITING) {
        failure = new TriwireError('queue_full', `Over ${MAX_WAITING} events wait. Make the loop faster.`)
      } else waiting.push({ type: delivery.event, data: delivery.data, meta: metaOf(delivery) })
    }
  }

  const follower = new Follower({ after }, handle, () => {
    failure ??= follower.error ?? store.error
    wake()
  })

  try {
    store.follow(follower)
    for (;;) {
      const event = waiting.shift()
      if (event !== undefined) yield event
      else if (failure === undefined)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      else if (failure.code === 'ended') return
      else throw failure
    }
  } finally {
    store.unfollow(follower)
  }
}
