/** Who is in a channel, and oneself among them for as long as somebody watches with a value to show. */
import { Cell } from './cell.ts'
import type { ChannelStore } from './channel-store.ts'
import type { PresenceObserver, PresenceOptions, PresenceState } from './channel-types.ts'
import { Follower } from './follower.ts'
import { unsyncedPresence } from './idle.ts'

/** Makes a presence observer. It has no effect until it is subscribed to. */
export function createPresenceObserver(
  store: ChannelStore,
  options: PresenceOptions<unknown>,
): PresenceObserver<unknown, unknown> {
  let value = options.set
  const follower = new Follower(
    { presence: true },
    () => {},
    () => cell.invalidate(),
  )
  const compute = (): PresenceState<unknown> => ({
    members: store.members,
    synced: store.membersCurrent,
    error: follower.error ?? store.error ?? store.presenceError,
  })
  const cell: Cell<PresenceState<unknown>> = new Cell<PresenceState<unknown>>(unsyncedPresence, compute, {
    start() {
      store.follow(follower)
      store.show(follower, value)
    },
    stop: () => store.unfollow(follower),
  })

  return {
    subscribe: cell.subscribe,
    getSnapshot: cell.getSnapshot,
    update(next) {
      value = next
      store.show(follower, next)
    },
  }
}
