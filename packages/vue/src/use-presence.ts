/** `usePresence`: who is in a channel, and oneself among them. */
import {
  type AnySchema,
  type Channel,
  type ChannelFace,
  channelOrIdle,
  type MaybeFace,
  type Member,
  type PresenceInputOf,
  type PresenceOf,
  type PresenceState,
  type SelectOptions,
  type TriwireError,
  unsyncedPresence,
} from '@triwire/client'
import { computed, type MaybeRefOrGetter, type Ref, toRaw, toValue, watch } from 'vue'
import { useObserver } from './use-observer.ts'

/** What may be asked of presence. */
export interface UsePresenceOptions<TInput> {
  /** The value to show while in scope; left out, one only watches. Announced again only when its JSON changes. */
  readonly set?: MaybeRefOrGetter<TInput | undefined>
}

/** Who is present, as refs, and `update` to change one's own value. */
export interface UsePresenceResult<TChannel extends Channel, TSelected = unknown> {
  /** Members that have not changed are the same objects as before. */
  readonly members: Readonly<Ref<readonly Member<PresenceOf<TChannel>>[]>>
  /** What was selected; without `select`, the members. Changes only when the selection does. */
  readonly data: Readonly<Ref<unknown extends TSelected ? readonly Member<PresenceOf<TChannel>>[] : TSelected>>
  /** Whether `members` is known and up to date. */
  readonly synced: Readonly<Ref<boolean>>
  readonly error: Readonly<Ref<TriwireError | undefined>>
  /** Shows another value. Without a channel it throws `bad_channel`. */
  readonly update: (value: PresenceInputOf<TChannel>) => void
}

/**
 * Watches the members of a channel, and joins them with the value of `set`. A falsy channel has none. Refs change at most
 * once per frame. `select` may read refs.
 */
export function usePresence<TChannel extends Channel & { readonly presence: AnySchema }, TSelected = unknown>(
  channel: MaybeRefOrGetter<MaybeFace<TChannel>>,
  options: UsePresenceOptions<PresenceInputOf<TChannel>> &
    SelectOptions<readonly Member<PresenceOf<TChannel>>[], TSelected> = {},
): UsePresenceResult<TChannel, TSelected> {
  const { select, equal = Object.is } = options as SelectOptions<unknown, unknown>
  const handle = computed(() => channelOrIdle<ChannelFace<TChannel>>(toRaw(toValue(channel))))
  const text = computed(() => JSON.stringify(toValue(options.set)) as string | undefined)
  let observer = channelOrIdle<ChannelFace<TChannel>>(undefined).observePresence()
  let announced: string | undefined
  const state = useObserver<PresenceState<PresenceOf<TChannel>>>(
    // Presence is left by unsubscribing, so `set` coming or going makes another observer; new content does not.
    [handle, () => text.value === undefined],
    () => {
      announced = text.value
      observer = handle.value.observePresence({ set: toValue(options.set) })
      return observer
    },
    unsyncedPresence,
  )
  watch(text, (next) => {
    if (next === undefined || next === announced || !toValue(channel)) return
    announced = next
    observer.update(JSON.parse(next))
  })
  const members = computed(() => state.value.members)
  const data = computed((before) => {
    const now = select ? select(members.value) : members.value
    return before !== undefined && equal(before, now) ? before : now
  })
  return {
    members,
    data: data as UsePresenceResult<TChannel, TSelected>['data'],
    synced: computed(() => state.value.synced),
    error: computed(() => state.value.error),
    update: (value) => observer.update(value),
  }
}
