/** An observer as a ref: the one place where the composables meet Vue's scopes, server rendering and hydration. */
import type { Observer } from '@triwire/client'
import {
  getCurrentInstance,
  hasInjectionContext,
  inject,
  onMounted,
  type ShallowRef,
  shallowReadonly,
  shallowRef,
  ssrContextKey,
  type WatchSource,
  watch,
} from 'vue'

/**
 * Follows the observer that `make` gives, and another one whenever a source changes, until the current scope ends
 * (a component, a store, an `effectScope`). On a server it shows `starting` and makes nothing. A component that
 * hydrates shows `starting` until it is mounted, because that is what the server wrote.
 */
export function useObserver<TState>(
  sources: WatchSource | readonly WatchSource[],
  make: () => Observer<TState>,
  starting: TState,
): Readonly<ShallowRef<TState>> {
  const state = shallowRef(starting) as ShallowRef<TState>
  if (!isServer()) {
    // The element a component takes over is there before its set-up; one that renders anew has none yet.
    let hydrating = Boolean(getCurrentInstance()?.vnode.el)
    let read = (): void => {}
    watch(
      sources as WatchSource,
      (_, __, onCleanup) => {
        const observer = make()
        read = () => {
          state.value = observer.getSnapshot()
        }
        onCleanup(observer.subscribe(read))
        if (!hydrating) read()
      },
      { immediate: true },
    )
    if (hydrating) {
      onMounted(() => {
        hydrating = false
        read()
      })
    }
  }
  return shallowReadonly(state)
}

/** Whether this is a render to a string; those happen without a window, or in tests with one. */
export function isServer(): boolean {
  return typeof window === 'undefined' || (hasInjectionContext() && inject(ssrContextKey, undefined) !== undefined)
}
