/** `usePresence`: who is in a channel, and oneself among them. */
import {
  type AnySchema,
  type Channel,
  type ChannelFace,
  channelOrIdle,
  type createSelection,
  type MaybeFace,
  type Member,
  type PresenceInputOf,
  type PresenceOf,
  type SelectOptions,
  type ShownPresence,
  unsyncedPresence,
} from '@triwire/client'
import { useEffect, useMemo, useRef } from 'react'
import { useKept } from './use-kept.ts'
import { useSelected } from './use-selected.ts'

/** What may be asked of presence. */
export interface UsePresenceOptions<TInput> {
  /** The value to show while mounted; left out, one only watches. Announced again only when its JSON changes. */
  readonly set?: TInput | undefined
}

/** Who is present, and `update` to change one's own value. With `select`, the selection is `data` and `members` is left out. */
export type UsePresenceResult<TChannel extends Channel, TSelected = unknown> = ShownPresence<
  PresenceOf<TChannel>,
  TSelected
> & {
  /** Shows another value. Without a channel it throws `bad_channel`. */
  readonly update: (value: PresenceInputOf<TChannel>) => void
}

/**
 * Watches the members of a channel, and joins them with the value of `set`. A falsy channel has none.
 *
 * It renders at most once per frame, and with `select` only when the selection, `synced` or `error` changes. Members that
 * have not changed are the same objects as before.
 */
export function usePresence<TChannel extends Channel & { readonly presence: AnySchema }, TSelected = unknown>(
  channel: MaybeFace<TChannel>,
  options: UsePresenceOptions<PresenceInputOf<TChannel>> &
    SelectOptions<readonly Member<PresenceOf<TChannel>>[], TSelected> = {},
): UsePresenceResult<TChannel, TSelected> {
  const { set } = options
  const handle = channelOrIdle<ChannelFace<TChannel>>(channel)
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
  const state = useSelected(observer, () => unsyncedPresence, options, PRESENCE)
  return useMemo(
    () => ({ ...state, update: observer.update }) as unknown as UsePresenceResult<TChannel, TSelected>,
    [state, observer],
  )
}

/** What is selected from, and what is shown beside the selection. */
const PRESENCE: Parameters<typeof createSelection> = ['members', ['synced', 'error']]
