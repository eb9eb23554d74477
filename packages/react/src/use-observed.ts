/** An observer of a channel or a view as state: the one place where the hooks meet React's rules. */
import type { ChannelFace, Observer } from '@triwire/client'
import { useInsertionEffect } from 'react'
import { useKept } from './use-kept.ts'
import { type AnySelect, useSelected } from './use-selected.ts'

/** The state of a channel or a view. */
export interface AnyState {
  readonly status: string
  readonly data: unknown
  readonly error: unknown
}

/** An observer of either. */
export interface AnyObserver extends Observer<AnyState> {
  readonly setOptions: (options: never) => void
  readonly getStart: () => AnyState
}

/** The handle of either. */
export interface AnyHandle extends Pick<ChannelFace, 'publish' | 'signal' | 'commands'> {
  observe(options: never): AnyObserver
}

/** Options of either; the overloads of the hooks say what may go with what. */
export interface AnyUseOptions extends AnySelect {
  readonly tail?: number | undefined
  readonly latest?: PropertyKey | undefined
}

/** Observes for as long as the component is mounted; what it selects is shown. */
export function useObserved(
  handle: AnyHandle,
  options: AnyUseOptions,
  startOf: (observer: AnyObserver) => AnyState = getStart,
): { readonly state: AnyState; readonly observer: AnyObserver } {
  const { tail, latest } = options
  const observer = useKept(() => handle.observe(options as never), [handle, tail, latest])
  // An insertion effect, so that no event between commit and paint meets the closures of the render before.
  useInsertionEffect(() => observer.setOptions(options as never), [observer, options])
  return { state: useSelected(observer, () => startOf(observer), options), observer }
}

function getStart(observer: AnyObserver): AnyState {
  return observer.getStart()
}
