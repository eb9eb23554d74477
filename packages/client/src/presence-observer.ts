/** Who is in a channel, and oneself among them for as long as somebody watches with a value to show. */
import { Cell } from './cell.ts'
import type { ChannelStore, Follower } from './channel-store.ts'
import type { PresenceObserver, PresenceOptions, PresenceState } from './channel-types.ts'
import { unsyncedPresence } from './idle.ts'

/** Makes a presence observer. It has no effect until it is subscribed to. */
export function createPresenceObserver(
  store: ChannelStore,
  options: PresenceOptions<unknown>,
): PresenceObserver<unknown, unknown> {
  const follower: Follower = { want: { presence: true }, handleChange: () => cell.invalidate() }
  let value = options.set
  let watching = false
  let shownMembers: ReadonlyMap<string, unknown> | undefined

  const compute = (): PresenceState<unknown> => {
    const before = cell.getSnapshot()
    const { members, membersCurrent: synced, presenceError } = store
    const standing = store.standing
    const error = standing.name === 'ended' ? standing.error : presenceError
    if (members === shownMembers && before.synced === synced && before.error === error) return before
    shownMembers = members
    return { members: store.memberList(), synced, error }
  }

  const cell: Cell<PresenceState<unknown>> = new Cell<PresenceState<unknown>>(unsyncedPresence, compute, {
    start() {
      watching = true
      store.follow(follower)
      if (value !== undefined) store.show(follower, value)
      cell.invalidate()
    },
    stop() {
      watching = false
      store.hide(follower)
      store.unfollow(follower)
    },
  })

  return {
    subscribe: cell.subscribe,
    getSnapshot: cell.getSnapshot,
    update(next) {
      value = next
      if (watching) store.show(follower, next)
    },
  }
}
