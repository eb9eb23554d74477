/** `useRealtime`: the state of a channel or a view as refs, and the means to speak in it. The observer does the work. */
import {
  type Channel,
  type ChannelFace,
  type ChannelSnapshot,
  type ChannelState,
  channelOrIdle,
  createCommandFunctions,
  type DataOf,
  type EventsOf,
  type FailedCommand,
  type MaybeChannel,
  type MaybeView,
  type ObserveOptions,
  type Observer,
  type PendingCommand,
  type SelectOptions,
  type TriwireError,
  type ViewOptions,
  type ViewState,
} from '@triwire/client'
import { computed, type MaybeRefOrGetter, type Ref, shallowRef, toRaw, toValue, watch } from 'vue'
import { renderedSnapshot, snapshotRecorder } from './provider.ts'
import { isServer, useObserver } from './use-observer.ts'

/**
 * What `useRealtime` returns for a channel. `publish`, `signal` and `commands` stay the same functions and always speak in
 * the channel that is current when they are called.
 */
export interface UseRealtimeResult<TChannel extends Channel, TData>
  extends Pick<ChannelFace<TChannel>, 'publish' | 'signal' | 'commands'> {
  /** The data, or the selection where there is a `select`. */
  readonly data: Readonly<Ref<TData | undefined>>
  /** `live` and `stale` mean that `data` is there. */
  readonly status: Readonly<Ref<ChannelState<TData>['status']>>
  /** Why the channel is `denied`, in `error` or `ended`. */
  readonly error: Readonly<Ref<TriwireError | undefined>>
  /** How many of this session's publishes and commands have no answer yet. */
  readonly pending: Readonly<Ref<number>>
}

/** What `useRealtime` returns for a view. */
export interface UseViewResult<TChannel extends Channel, TData> extends UseRealtimeResult<TChannel, TData> {
  /** Commands called through the view that are under way, oldest first. */
  readonly underWay: Readonly<Ref<readonly PendingCommand<TChannel>[]>>
  /** The last ten that were refused and have not been dismissed. */
  readonly failed: Readonly<Ref<readonly FailedCommand<TChannel>[]>>
}

/**
 * A result that may be awaited: `const { data } = await useRealtime(…)` in `<script setup>` has its data from the start. A
 * server takes the channel's snapshot for it; a browser waits until the channel is joined. What is awaited is the same
 * result, and who does not await it has all of it at once.
 */
export type Awaitable<TResult> = TResult & {
  readonly then: <TDone, TFailed = never>(
    resolve: (result: TResult) => TDone | PromiseLike<TDone>,
    reject?: (reason: unknown) => TFailed | PromiseLike<TFailed>,
  ) => PromiseLike<TDone | TFailed>
}

/** The data of a result: the selection, where something is selected. */
type Selected<TData, TSelected> = unknown extends TSelected ? TData : TSelected

/**
 * Follows a channel until the current scope ends: a component, a store, an `effectScope`. On a server it shows `from`, or
 * stays `joining`, and subscribes to nothing.
 *
 * @param channel a handle, a ref or a getter; falsy turns it off: `status` is `idle`, and `publish` and commands
 * reject with `bad_channel`
 * @param options read once per channel; write `initial` before `reduce`, so that the reducers know the state's type.
 * `select` may read refs
 */
export function useRealtime<
  TChannel extends Channel,
  TInitial = unknown,
  TLatest extends keyof EventsOf<TChannel> = never,
  TSelected = unknown,
>(
  channel: MaybeRefOrGetter<MaybeChannel<TChannel>>,
  options?: ObserveOptions<TChannel, TInitial, TLatest> &
    SelectOptions<NoInfer<DataOf<TChannel, TInitial, TLatest>>, TSelected>,
): Awaitable<UseRealtimeResult<TChannel, Selected<DataOf<TChannel, TInitial, TLatest>, TSelected>>>
/**
 * Follows a view: all scopes that do share one state, and `data` changes when the selection does.
 *
 * @param view falsy turns it off, as for a channel
 */
export function useRealtime<TChannel extends Channel, TState, TSelected = unknown>(
  view: MaybeRefOrGetter<MaybeView<TChannel, TState>>,
  options?: ViewOptions<TChannel> & SelectOptions<NoInfer<TState>, TSelected>,
): Awaitable<UseViewResult<TChannel, Selected<TState, TSelected>>>
export function useRealtime(channel: unknown, options: unknown = {}): unknown {
  const { select, equal = Object.is } = options as SelectOptions<unknown, unknown>
  // Raw, because `ref(handle)` hands out a proxy, and handles are compared by identity.
  const handle = computed(() => channelOrIdle(toRaw(toValue(channel as MaybeRefOrGetter<AnyHandle>))))
  const observe = (from?: ChannelSnapshot<unknown>): AnyObserver =>
    handle.value.observe((from ? { ...(options as object), from } : options) as never)
  // The one that says what to show first, also on a server, is the first one to be followed.
  let first: AnyObserver | undefined = observe(renderedSnapshot(handle.value.address))
  const followed = useObserver(
    handle,
    () => {
      const observer = first ?? observe()
      first = undefined
      return observer
    },
    first.getStart(),
  )
  /** What a server has awaited. */
  const rendered = shallowRef<ViewState<unknown>>()
  const state = computed(() => rendered.value ?? followed.value)
  const data = computed((before) => {
    const { status, data: all, error } = state.value
    if (!select || status === 'idle' || status === 'joining' || (error && all === undefined)) return all
    const now = select(all)
    return before !== undefined && equal(before, now) ? before : now
  })
  type Send = Record<string, (input: unknown) => Promise<unknown>>
  const result = {
    data,
    status: computed(() => state.value.status),
    error: computed(() => state.value.error),
    pending: computed(() => state.value.pending),
    underWay: computed(() => state.value.underWay),
    failed: computed(() => state.value.failed),
    publish: ((event, data) => handle.value.publish(event, data)) satisfies AnyHandle['publish'],
    signal: ((name, data, options) => handle.value.signal(name, data, options)) satisfies AnyHandle['signal'],
    commands: createCommandFunctions((name, input) => (handle.value.commands as unknown as Send)[name]!(input)),
  }
  const record = snapshotRecorder()
  const server = isServer()
  const ready = async (): Promise<void> => {
    if (state.value.status !== 'joining') return
    if (!server) await untilJoined(state)
    else {
      const { address } = handle.value
      const snapshot = await handle.value.snapshot()
      record(address, snapshot)
      rendered.value = observe(snapshot).getStart()
    }
  }
  const then: PromiseLike<typeof result>['then'] = (resolve, reject) =>
    ready()
      .then(() => result)
      .then(resolve, reject)
  // Not enumerable: what is spread from it is not awaited.
  return Object.defineProperty({ ...result }, 'then', { value: then })
}

/** Resolves when the state is there, or will not come. */
function untilJoined(state: Readonly<Ref<ViewState<unknown>>>): Promise<void> {
  return new Promise((resolve) => {
    const stop = watch(
      () => state.value.status !== 'joining',
      (joined) => {
        if (!joined) return
        stop()
        resolve()
      },
    )
  })
}

interface AnyObserver extends Observer<ViewState<unknown>> {
  readonly getStart: () => ViewState<unknown>
}

/** The handle of a channel or a view. */
interface AnyHandle extends Pick<ChannelFace, 'address' | 'publish' | 'signal' | 'commands'> {
  snapshot(): Promise<ChannelSnapshot<unknown>>
  observe(options: never): AnyObserver
}
