/** Verdicts survive a reload, and serve the other tabs of an origin, where the browser has a place for them. */
import type { VerdictStore } from './verdicts.ts'

/** The place in this browser for one server. On hosts without a window it keeps nothing. */
export function browserStore(url: string): VerdictStore {
  const key = `triwire ${url}`
  // Everything about storage may throw: it may be missing, switched off or full. Then a verdict lives as long as the page.
  const tried = <TResult>(use: (storage: Storage) => TResult): TResult | null => {
    try {
      return use(globalThis.window.localStorage)
    } catch {
      return null
    }
  }
  return {
    read: () => tried((storage) => storage.getItem(key)),
    write: (text) => void tried((storage) => storage.setItem(key, text)),
  }
}
