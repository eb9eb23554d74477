/**
 * Once per frame: however many events come, those who show state are told once, right before the browser paints.
 * Hidden pages do not paint, so there a timer of the same pace takes over.
 */

const FRAME_MS = 16

const dirty = new Set<() => void>()
let scheduled = false

/** Calls back once in the next frame, however often it is asked to before that. */
export function onNextFrame(callback: () => void): void {
  dirty.add(callback)
  if (scheduled) return
  scheduled = true
  const visible = typeof document !== 'undefined' && document.visibilityState === 'visible'
  if (visible && typeof requestAnimationFrame === 'function') requestAnimationFrame(flush)
  else setTimeout(flush, FRAME_MS)
}

/** Forgets a callback. */
export function cancelFrame(callback: () => void): void {
  dirty.delete(callback)
}

function flush(): void {
  scheduled = false
  const callbacks = [...dirty]
  dirty.clear()
  for (const callback of callbacks) callback()
}
