/**
 * Once per frame: however many events come, those who show state are told once, right before the browser paints.
 * Hidden pages do not paint, so there a timer of the same pace takes over.
 */
import { attempt } from './report.ts'

const FRAME_MS = 16
/** Milliseconds after which a paint that was asked for counts as one that will not come: the page was hidden. */
const HIDDEN_MS = 500

const dirty = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | undefined

/** Calls back once in the next frame, however often it is asked to before that. */
export function onNextFrame(callback: () => void): void {
  dirty.add(callback)
  if (timer !== undefined) return
  const paints = globalThis.document?.visibilityState === 'visible' && !!globalThis.requestAnimationFrame
  if (paints) requestAnimationFrame(flush)
  timer = setTimeout(flush, paints ? HIDDEN_MS : FRAME_MS)
}

/** Forgets a callback. */
export function cancelFrame(callback: () => void): void {
  dirty.delete(callback)
}

function flush(): void {
  clearTimeout(timer)
  timer = undefined
  const callbacks = [...dirty]
  dirty.clear()
  for (const callback of callbacks) attempt(callback)
}
