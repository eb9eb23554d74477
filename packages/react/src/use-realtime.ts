/** `useRealtime`: the state of a channel or a view, and the means to speak in it. The observer does the work. */
import {
  type Channel,
  type ChannelFace,
  type ChannelState,
  channelOrIdle,
  type DataOf,
  type EventsOf,
  type MaybeChannel,
  type MaybeView,
  type ObserveOptions,
  type SelectOptions,
  type Shown,
  type ViewOptions,
  type ViewState,
} from '@triwire/client'
import { useMemo } from 'react'
import { type AnyHandle, type AnyUseOptions, useObserved } from './use-observed.ts'

/** What one can do in a channel; always the same functions for as long as the channel stays the same. */
export type Speech<TChannel extends Channel> = Pick<ChannelFace<TChannel>, 'publish' | 'signal' | 'commands'>

/**
 * What `useRealtime` returns for a channel: checking `status` narrows `data`, after destructuring too. With `select`, the
 * selection is the data, and `pending` is left out.
 */
export type UseRealtimeResult<TChannel extends Channel, TData, TSelected = unknown> = Shown<
  ChannelState<TData>,
  TSelected
> &
  Speech<TChannel>

/** What `useRealtime` returns for a view. With `select`, the selection is the data, and the commands are left out. */
export type UseViewResult<TChannel extends Channel, TData, TSelected = unknown> = Shown<
  ViewState<TData, TChannel>,
  TSelected
> &
  Speech<TChannel>

/**
 * Follows a channel for as long as the component is mounted, and renders at most once per frame.
 *
 * Handlers and reducers may close over anything: the ones of the newest committed render are called. `initial` and `from`
 * are read once per channel; another `tail` or `latest` starts anew.
 *
 * @param channel falsy turns it off: `status` is `idle`, and `publish` and commands reject with `bad_channel`
 * @param options write `initial` before `reduce`, so that the state's type is known to the reducers
 */
export function useRealtime<
  TChannel extends Channel,
  TInitial = unknown,
  TLatest extends keyof EventsOf<TChannel> = never,
  TSelected = unknown,
>(
  channel: MaybeChannel<TChannel>,
  options?: ObserveOptions<TChannel, TInitial, TLatest> &
    SelectOptions<NoInfer<DataOf<TChannel, TInitial, TLatest>>, TSelected>,
): UseRealtimeResult<TChannel, DataOf<TChannel, TInitial, TLatest>, TSelected>
/**
 * Follows a view: all components that do share one state, and with `select` each renders when its selection changes.
 *
 * @param view falsy turns it off, as for a channel
 */
export function useRealtime<TChannel extends Channel, TState, TSelected = unknown>(
  view: MaybeView<TChannel, TState>,
  options?: ViewOptions<TChannel> & SelectOptions<NoInfer<TState>, TSelected>,
): UseViewResult<TChannel, TState, TSelected>
export function useRealtime(channel: unknown, options: unknown = {}): unknown {
  const handle = channelOrIdle(channel as AnyHandle)
  const { state } = useObserved(handle, options as AnyUseOptions)
  return useMemo(
    () => ({ ...state, publish: handle.publish, signal: handle.signal, commands: handle.commands }),
    [state, handle],
  )
}
