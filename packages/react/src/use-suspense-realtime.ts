/**
 * `useSuspenseRealtime`: a view's state, which is there. A component that suspends loses all it has made, so what it waits
 * for lives outside of it: in the view, which everybody shares who asks for the same one.
 */
import {
  type Channel,
  type SelectOptions,
  TriwireError,
  type ViewCommands,
  type ViewHandle,
  type ViewOptions,
} from '@triwire/client'
import { useMemo } from 'react'
import { type AnyHandle, type AnyObserver, type AnyState, useObserved } from './use-observed.ts'
import type { Speech } from './use-realtime.ts'

/** Milliseconds a view is kept for components that wait for it, and then for those that have not mounted yet. */
const WAIT_MS = 10_000
const MOUNT_MS = 5000

/** What `useSuspenseRealtime` returns: data that is there. With `select`, the selection, without the commands. */
export type UseSuspenseResult<TChannel extends Channel, TState, TSelected = unknown> = Speech<TChannel> & {
  readonly status: 'live' | 'stale' | 'denied' | 'error' | 'ended'
  readonly error: TriwireError | undefined
} & (unknown extends TSelected
    ? { readonly data: TState; readonly pending: number } & ViewCommands<TChannel>
    : { readonly data: TSelected })

/**
 * Follows a view, and suspends until it has a state. A refusal is thrown to the nearest error boundary, unless there is a
 * state by then. Of several in one component each would wait for the one before: call `preload` for all of them first.
 *
 * On a server it shows `from`. Without one it throws `no_snapshot`: React then sends the fallback and renders in the browser.
 */
export function useSuspenseRealtime<TChannel extends Channel, TState, TSelected = unknown>(
  view: ViewHandle<TChannel, TState>,
  options: ViewOptions<TChannel> & SelectOptions<NoInfer<TState>, TSelected> = {},
): UseSuspenseResult<TChannel, TState, TSelected> {
  const handle = view as unknown as AnyHandle
  const { state } = useObserved(handle, options, startOf)
  if (state.status === 'joining') throw typeof window === 'undefined' ? noSnapshot() : waitFor(handle)
  if (state.error !== undefined && state.data === undefined) throw state.error
  return useMemo(
    () => ({ ...state, publish: handle.publish, signal: handle.signal, commands: handle.commands }),
    [state, handle],
  ) as unknown as UseSuspenseResult<TChannel, TState, TSelected>
}

/** Begins to follow a view that is about to be shown. Nothing to undo: it is let go where nobody shows it. */
export function preload<TChannel extends Channel, TState>(view: ViewHandle<TChannel, TState>): void {
  if (typeof window !== 'undefined') void waitFor(view as unknown as AnyHandle)
}

/** While a page hydrates what a server could not render, there is nothing to agree with. */
function startOf(observer: AnyObserver): AnyState {
  const start = observer.getStart()
  return start.status === 'joining' ? observer.getSnapshot() : start
}

const waiting = new WeakMap<AnyHandle, Promise<void>>()

/**
 * Resolves when the view has a state, or after some seconds: who is still there then asks again, and for those who have
 * gone without ever having been mounted, nobody does.
 */
function waitFor(handle: AnyHandle): Promise<void> {
  const known = waiting.get(handle)
  if (known) return known
  const promise = new Promise<void>((resolve) => {
    const observer = handle.observe({} as never)
    const finish = (): void => {
      clearTimeout(timer)
      waiting.delete(handle)
      setTimeout(unsubscribe, MOUNT_MS)
      resolve()
    }
    const timer = setTimeout(finish, WAIT_MS)
    const unsubscribe = observer.subscribe(() => {
      if (waiting.get(handle) === promise && observer.getSnapshot().status !== 'joining') finish()
    })
  })
  waiting.set(handle, promise)
  return promise
}

function noSnapshot(): TriwireError {
  return new TriwireError('no_snapshot', 'A server has no wire: pass `from`, which `snapshot()` gives.')
}
