/**
 * Over HTTP/1.1 browsers open six connections per origin, for all its tabs together, and whoever holds them all holds up
 * everything else the site does. A stream or a held poll keeps one for itself, so the tabs take turns: four may, by Web
 * Locks, which a closed or crashed tab gives back by itself.
 */

/** Connections that may be held at once. One more is needed for what is sent, and one for the site. */
const SLOTS = 4

/** Whether connections are scarce here: not over HTTP/2 and 3, and not outside browsers, though some hosts have locks. */
export function connectionsAreScarce(): boolean {
  if (!globalThis.location || !globalThis.navigator?.locks) return false
  const [page] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return !/^h[23]/.test(page?.nextHopProtocol ?? '')
}

/** Takes a slot at a server; resolves with how to give it back, or undefined where none is free. */
export async function takeSlot(url: string): Promise<(() => void) | undefined> {
  const { host } = new URL(url)
  for (let slot = 0; slot < SLOTS; slot++) {
    const release = await new Promise<(() => void) | undefined>((resolve) => {
      const hold = (lock: Lock | null): Promise<void> | undefined =>
        lock ? new Promise<void>(resolve) : void resolve(undefined)
      // Where locks are forbidden, as in a sandboxed frame, there is nothing to share.
      navigator.locks.request(`triwire ${host} ${slot}`, { ifAvailable: true }, hold).catch(() => resolve(() => {}))
    })
    if (release) return release
  }
  return undefined
}
