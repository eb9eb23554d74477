/**
 * The state that was handed over, by a server that rendered the page: what is shown until the wire has something newer.
 * `stale`, because that is what it is: a state that will catch up by itself.
 */
import type { ChannelSnapshot, ChannelState } from './channel-types.ts'

/**
 * Makes it, by the function that would make it from a snapshot of the wire.
 * @throws TypeError where `initial` is no function; and whatever it throws
 */
export function startingState(from: ChannelSnapshot<unknown>, initial: unknown): ChannelState<unknown> {
  if (typeof initial !== 'function')
    throw new TypeError('`from` is a snapshot: pass `initial` as a function that makes the state from it.')
  const data = (initial as (snapshot: unknown) => unknown)(from.data)
  return { status: 'stale', data, error: undefined, pending: 0 }
}
