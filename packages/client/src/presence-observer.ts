/** Who is in a channel, and oneself among them for as long as somebody watches with a value to show. */
import { TriwireError } from '@triwire/protocol'
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
  let failure: TriwireError | undefined

  const compute = (): PresenceState<unknown> => {
    const before = cell.getSnapshot()
    const { members, membersCurrent: synced, presenceError } = store
    const standing = store.standing
    const error = failure ?? (standing.name === 'ended' ? standing.error : presenceError)
    if (members === shownMembers && before.synced === synced && before.error === error) return before
    shownMembers = members
    return { members: store.memberList(), synced, error }
  }

  const cell: Cell<PresenceState<unknown>> = new Cell<PresenceState<unknown>>(unsyncedPresence, compute, {
    start() {
      failure = undefined
      try {
        store.follow(follower)
        watching = true
        if (value !== undefined) store.show(follower, value)
      } catch (error) {
        failure = error instanceof TriwireError ? error : new TriwireError('bad_payload', String(error))
      }
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
