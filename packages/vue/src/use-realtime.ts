/** `useRealtime`: a channel's state as refs, and the means to speak in it. The channel's observer does the work. */
import {
  type Channel,
  type ChannelHandle,
  type ChannelState,
  channelOrIdle,
  createCommandFunctions,
  type DataOf,
  type EventsOf,
  idleState,
  joiningState,
  type MaybeChannel,
  type ObserveOptions,
  type TriwireError,
} from '@triwire/client'
import { computed, type MaybeRefOrGetter, type Ref, toRaw, toValue } from 'vue'
import { useObserver } from './use-observer.ts'

/**
 * What `useRealtime` returns. `publish`, `signal` and `commands` stay the same functions and always speak in the
 * channel that is current when they are called.
 */
export interface UseRealtimeResult<TChannel extends Channel, TData>
  extends Pick<ChannelHandle<TChannel>, 'publish' | 'signal' | 'commands'> {
  readonly data: Readonly<Ref<TData | undefined>>
  /** `live` and `stale` mean that `data` is there. */
  readonly status: Readonly<Ref<ChannelState<TData>['status']>>
  /** Why the channel is `denied`, in `error` or `ended`. */
  readonly error: Readonly<Ref<TriwireError | undefined>>
  /** How many of this session's publishes and commands have no answer yet. */
  readonly pending: Readonly<Ref<number>>
}

/**
 * Follows a channel until the current scope ends: a component, a store, an `effectScope`. On a server it stays
 * `joining` and subscribes to nothing.
 *
 * @param channel a handle, a ref or a getter; falsy turns it off: `status` is `idle`, and `publish` and commands
 * reject with `bad_channel`
 * @param options read once per channel; write `initial` before `reduce`, so that the reducers know the state's type
 */
export function useRealtime<
  TChannel extends Channel,
  TInitial = unknown,
  TLatest extends keyof EventsOf<TChannel> = never,
>(
  channel: MaybeRefOrGetter<MaybeChannel<TChannel>>,
  options: ObserveOptions<TChannel, TInitial, TLatest> = {},
): UseRealtimeResult<TChannel, DataOf<TChannel, TInitial, TLatest>> {
  // Raw, because `ref(handle)` hands out a proxy, and handles are compared by identity.
  const handle = computed(() => channelOrIdle(toRaw(toValue(channel))))
  const state = useObserver<ChannelState<DataOf<TChannel, TInitial, TLatest>>>(
    handle,
    () => handle.value.observe(options),
    toValue(channel) ? joiningState : idleState,
  )
  type Send = Record<string, (input: unknown) => Promise<unknown>>
  return {
    data: computed(() => state.value.data),
    status: computed(() => state.value.status),
    error: computed(() => state.value.error),
    pending: computed(() => state.value.pending),
    publish: (event, data) => handle.value.publish(event, data),
    signal: (name, data, options) => handle.value.signal(name, data, options),
    commands: createCommandFunctions((name, input) =>
      (handle.value.commands as unknown as Send)[name]!(input),
    ) as unknown as ChannelHandle<TChannel>['commands'],
  }
}
