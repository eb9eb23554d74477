/** `useRealtime`: a channel's state, and the means to speak in it. The channel's observer does the work. */
import {
  type Channel,
  type ChannelHandle,
  type ChannelState,
  channelOrIdle,
  type DataOf,
  type EventsOf,
  idleState,
  joiningState,
  type MaybeChannel,
  type ObserveOptions,
} from '@triwire/client'
import { useInsertionEffect, useMemo, useSyncExternalStore } from 'react'
import { useKept } from './use-kept.ts'

/**
 * What `useRealtime` returns: checking `status` narrows `data`, after destructuring too. `publish`, `signal` and
 * `commands` stay the same functions for as long as the channel stays the same.
 */
export type UseRealtimeResult<TChannel extends Channel, TData> = ChannelState<TData> &
  Pick<ChannelHandle<TChannel>, 'publish' | 'signal' | 'commands'>

/**
 * Follows a channel for as long as the component is mounted, and renders at most once per frame.
 *
 * Handlers and reducers may close over anything: the ones of the newest committed render are called. `initial` is
 * read once per channel; another `tail` or `latest` starts anew.
 *
 * @param channel falsy turns it off: `status` is `idle`, and `publish` and commands reject with `bad_channel`
 * @param options write `initial` before `reduce`, so that the state's type is known to the reducers
 */
export function useRealtime<
  TChannel extends Channel,
  TInitial = unknown,
  TLatest extends keyof EventsOf<TChannel> = never,
>(
  channel: MaybeChannel<TChannel>,
  options: ObserveOptions<TChannel, TInitial, TLatest> = {},
): UseRealtimeResult<TChannel, DataOf<TChannel, TInitial, TLatest>> {
  const handle = channelOrIdle(channel)
  const observer = useKept(() => handle.observe(options), [handle, options.tail, options.latest])
  // An insertion effect, so that no event between commit and paint meets the closures of the render before.
  useInsertionEffect(() => observer.setOptions(options), [observer, options])
  const state = useSyncExternalStore(observer.subscribe, observer.getSnapshot, channel ? getJoining : getIdle)
  return useMemo(
    () => ({ ...state, publish: handle.publish, signal: handle.signal, commands: handle.commands }),
    [state, handle],
  )
}

const getJoining = (): ChannelState<never> => joiningState
const getIdle = (): ChannelState<never> => idleState
