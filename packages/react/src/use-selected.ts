/** An observer's state, or the part of it that was selected: what `useSyncExternalStore` needs for that. */
import { createSelection, type Observer } from '@triwire/client'
import { useState, useSyncExternalStore } from 'react'

/** A selector, and when two selections are the same. */
export interface AnySelect {
  readonly select?: ((data: never) => unknown) | undefined
  readonly equal?: ((before: never, after: never) => boolean) | undefined
}

/**
 * Renders when the selection changes; without a selector, when the state does.
 *
 * @param getStart what a server renders, and a page that hydrates, whatever has come by then
 * @param of what is selected from and what is shown beside it, as `createSelection` takes them; read once
 */
export function useSelected<TState extends object>(
  observer: Observer<TState>,
  getStart: () => TState,
  { select, equal }: AnySelect,
  of: Parameters<typeof createSelection> = [],
): TState {
  const [selections] = useState(() => [createSelection(...of), createSelection(...of)] as const)
  return useSyncExternalStore(
    observer.subscribe,
    () => selections[0](observer.getSnapshot(), select, equal),
    () => selections[1](getStart(), select, equal),
  )
}
