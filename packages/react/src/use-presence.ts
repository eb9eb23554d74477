/** `usePresence`: who is in a channel, and oneself among them. */
import {
  type AnySchema,
  type Channel,
  channelOrIdle,
  type MaybeChannel,
  type PresenceInputOf,
  type PresenceOf,
  type PresenceState,
  unsyncedPresence,
} from '@triwire/client'
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import { useKept } from './use-kept.ts'

/** What may be asked of presence. */
export interface UsePresenceOptions<TInput> {
  /** The value to show while mounted; left out, one only watches. Announced again only when its JSON changes. */
  readonly set?: TInput | undefined
}

/** Who is present, and `update` to change one's own value. */
export type UsePresenceResult<TChannel extends Channel> = PresenceState<PresenceOf<TChannel>> & {
  /** Shows another value. Without a channel it throws `bad_channel`. */
  readonly update: (value: PresenceInputOf<TChannel>) => void
}

/** Watches the members of a channel, and joins them with the value of `set`. A falsy channel has none. */
export function usePresence<TChannel extends Channel & { readonly presence: AnySchema }>(
  channel: MaybeChannel<TChannel>,
  options: UsePresenceOptions<PresenceInputOf<TChannel>> = {},
): UsePresenceResult<TChannel> {
  const { set } = options
  const handle = channelOrIdle(channel)
  // Presence is left by unsubscribing, so `set` coming or going makes another observer; new content does not.
  const observer = useKept(() => handle.observePresence({ set }), [handle, set === undefined])
  const text = JSON.stringify(set)
  const announced = useRef({ observer, text })
  useEffect(() => {
    const before = announced.current
    announced.current = { observer, text }
    if (text !== undefined && channel && before.observer === observer && before.text !== text)
      observer.update(JSON.parse(text))
  }, [channel, observer, text])
  const state = useSyncExternalStore(observer.subscribe, observer.getSnapshot, getUnsynced)
  return useMemo(() => ({ ...state, update: observer.update }), [state, observer])
}

const getUnsynced = (): PresenceState<never> => unsyncedPresence
