/** Moments at which waiting makes no sense any longer: the device is online again, the page visible or restored. */

/** Calls back at each of them; returns how to stop. Hosts without a window have none. */
export function watchWaking(callback: () => void): () => void {
  const controller = new AbortController()
  const watch = (target: EventTarget, type: string, listener: () => void): void =>
    target.addEventListener(type, listener, { signal: controller.signal })
  if (typeof window !== 'undefined' && typeof window.addEventListener === 'function') {
    watch(window, 'online', callback)
    watch(window, 'pageshow', callback)
    watch(document, 'visibilitychange', () => {
      if (document.visibilityState === 'visible') callback()
    })
  }
  return () => controller.abort()
}
