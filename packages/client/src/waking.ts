/** Moments at which waiting makes no sense any longer: the device is online again, the page visible or restored. */

/** Calls back at each of them; returns how to stop. Hosts without a window have none. */
export function watchWaking(callback: () => void): () => void {
  return watchPage(['online', 'pageshow', 'visibilitychange'], ({ type }) => {
    if (type !== 'visibilitychange' || document.visibilityState === 'visible') callback()
  })
}

/** Calls back at events of the window and, on their way down, of its document; returns how to stop. */
export function watchPage(types: readonly string[], handle: (event: Event) => void): () => void {
  const { window } = globalThis
  // Not with a signal: the one of Node is none to the window that Jest imitates.
  const each = (verb: 'addEventListener' | 'removeEventListener'): void => {
    for (const type of types) window?.[verb]?.(type, handle, { capture: true })
  }
  each('addEventListener')
  return () => each('removeEventListener')
}
