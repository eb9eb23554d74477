/** Promises without the event loop: V8 settles them between two macrotasks, and a simulation has only one. */

/** Runs every microtask that waits, now. */
export function settleMicrotasks(): void {
  ;(process as unknown as { readonly _tickCallback: () => void })._tickCallback()
}
