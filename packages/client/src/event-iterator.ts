/** A channel's events as an async iterator: `for await (const event of channel.events())`. */
import { TriwireError } from '@triwire/protocol'
import { metaOf } from './channel-observer.ts'
import type { ChannelStore, Follower } from './channel-store.ts'
import type { EventMeta } from './channel-types.ts'

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
  let position: { readonly epoch: string; readonly offset: number } | undefined
  let awaited: number | undefined = -1

  const follower: Follower = {
    want: after === undefined ? {} : { after },
    handleStart(at, who, number) {
      if (who === 'newcomers' && (awaited === undefined || number < awaited)) return
      awaited = undefined
      position = at
    },
    handleEvent(event) {
      // Nothing is handed out behind a hole.
      if (failure !== undefined) return
      if (awaited !== undefined && after !== undefined) return
      if (position !== undefined && event.cursor.epoch === position.epoch && event.cursor.offset <= position.offset)
        return
      if (after === undefined && (event.kind === 'history' || event.kind === 'past')) return
      position = event.cursor
      if (waiting.length < MAX_WAITING) waiting.push({ type: event.event, data: event.data, meta: metaOf(event) })
      else
        failure = new TriwireError(
          'queue_full',
          `More than ${MAX_WAITING} events wait for this loop. Make its body faster.`,
        )
      wake()
    },
    handleGap({ reason }, everybody) {
      if (!everybody && (awaited === undefined || after === undefined)) return
      failure = new TriwireError(
        'gap',
        `Events are missing here (${reason}). Start again from a snapshot or from now.`,
      )
      wake()
    },
    handleChange() {
      if (store.standing.name === 'ended') failure = store.standing.error
      wake()
    },
  }

  try {
    awaited = store.follow(follower)
    for (;;) {
      const event = waiting.shift()
      if (event !== undefined) yield event
      else if (failure?.code === 'ended') return
      else if (failure !== undefined) throw failure
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    store.unfollow(follower)
  }
}
