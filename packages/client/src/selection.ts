/** What a consumer wants of a state: the types of selectors, and a selection that stays the same object. */
import type { ChannelState, PresenceState } from './channel-types.ts'

/** Which part of the data to show. */
export interface SelectOptions<TData, TSelected> {
  /**
   * Makes the data to show from that of the channel or view: whoever shows it is told when the selection changes, and of
   * nothing else but status and error. May close over anything.
   */
  readonly select?: ((data: TData) => TSelected) | undefined
  /** Whether two selections are the same. Default `Object.is`: pass one where `select` makes a new object each time. */
  readonly equal?: ((before: NoInfer<TSelected>, after: NoInfer<TSelected>) => boolean) | undefined
}

/** A channel with a selection for its data. What changes with every publish and command is left out. */
export type SelectedState<TSelected> =
  ChannelState<TSelected> extends infer TState ? (TState extends unknown ? Omit<TState, 'pending'> : never) : never

/** The state a hook shows: with a selector, the selection. */
export type Shown<TState, TSelected> = unknown extends TSelected ? TState : SelectedState<TSelected>

/** Presence as a hook shows it: with a selector, the selection is `data`, in the place of `members`. */
export type ShownPresence<TValue, TSelected> = unknown extends TSelected
  ? PresenceState<TValue>
  : { readonly data: TSelected } & Omit<PresenceState<TValue>, 'members'>

/** The state of a channel, a view, or of presence. */
type AnyState = Readonly<Record<string, unknown>>

/**
 * Makes a function that selects: it gives the same object as before until something of it has changed. Without a selector
 * the state itself. Where there is no data there is no selection.
 *
 * @param part what is selected from; the selection is `data` in any case
 * @param beside what is shown with it
 */
export function createSelection(
  part = 'data',
  beside: readonly string[] = ['status', 'error'],
): <TState extends object>(
  state: TState,
  select: ((data: never) => unknown) | undefined,
  equal?: (before: never, after: never) => boolean,
) => TState {
  let from: unknown
  let by: unknown
  let selected: AnyState | undefined
  return (state, select, equal = Object.is) => {
    if (!select) return state
    if (from !== state || by !== select) {
      const all = state as AnyState
      const { status, error, [part]: data } = all
      // Without data there is none to select from; whether there is, the status says, and in an error, whether it is undefined.
      const none = status === 'idle' || status === 'joining' || (error !== undefined && data === undefined)
      let next = none ? undefined : select(data as never)
      if (selected && !none && selected.data !== undefined && equal(selected.data as never, next as never))
        next = selected.data
      if (!(selected && Object.is(selected.data, next) && beside.every((name) => selected?.[name] === all[name])))
        selected = Object.fromEntries([...beside.map((name) => [name, all[name]]), ['data', next]])
      from = state
      by = select
    }
    return selected as typeof state
  }
}
