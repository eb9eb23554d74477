/** Moments at which waiting makes no sense any longer: the device is online again, the page visible or restored. */

/** Calls back at each of them; returns how to stop. Hosts without a window have none. */
export function watchWaking(callback: () => void): () => void {
  if (typeof window === 'undefined' || typeof window.addEventListener !== 'function') return () => {}
  const whenVisible = (): void => {
    if (document.visibilityState === 'visible') callback()
  }
  window.addEventListener('online', callback)
  window.addEventListener('pageshow', callback)
  document.addEventListener('visibilitychange', whenVisible)
  return () => {
    window.removeEventListener('online', callback)
    window.removeEventListener('pageshow', callback)
    document.removeEventListener('visibilitychange', whenVisible)
  }
}
