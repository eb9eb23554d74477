/** Moments at which waiting makes no sense any longer: the device is online again, the page visible or restored. */

/** Calls back at each of them; returns how to stop. Hosts without a window have none. */
export function watchWaking(callback: () => void): () => void {
  const controller = new AbortController()
  const handle = ({ type }: Event): void => {
    if (type !== 'visibilitychange' || document.visibilityState === 'visible') callback()
  }
  // All three reach the window: `visibilitychange` bubbles.
  for (const type of ['online', 'pageshow', 'visibilitychange'])
    globalThis.window?.addEventListener?.(type, handle, { signal: controller.signal })
  return () => controller.abort()
}
