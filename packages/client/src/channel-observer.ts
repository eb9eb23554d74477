/** A fold for one observer: its own options, its own place in the log, its own state. */
import { Cell } from './cell.ts'
import type { ChannelStore } from './channel-store.ts'
import type { ChannelObserver, ChannelState } from './channel-types.ts'
import { type AnyOptions, callOwn, Fold } from './fold.ts'
import { joiningState } from './idle.ts'
import { startingState } from './starting-state.ts'

/** Makes an observer. It has no effect until it is subscribed to. */
export function createChannelObserver(
  store: ChannelStore,
  initialOptions: AnyOptions,
): ChannelObserver<unknown, AnyOptions> {
  let options = initialOptions
  let { from } = options
  const start = from ? startingState(from, options.initial) : joiningState

  const fold = new Fold(store, {
    options: () => options,
    tell: (name, ...values) => {
      if (cell.watched) callOwn(options.on, name, values)
    },
    changed: () => cell.invalidate(),
  })
  const compute = (): ChannelState<unknown> => {
    const { status, data, error } = fold
    return { status, data, error, pending: store.pending } as ChannelState<unknown>
  }
  const cell: Cell<ChannelState<unknown>> = new Cell(start, compute, {
    start() {
      fold.start(from, start.data)
      // Who comes back after it was let go starts from what is there by then.
      from = undefined
    },
    stop: () => fold.stop(),
  })

  return {
    subscribe: cell.subscribe,
    getSnapshot: cell.getSnapshot,
    getStart: () => start,
    setOptions(next) {
      options = next
    },
  }
}
