// How events come into the page: the client of one peer, as its documentation shows it.

import type { App, RoomState } from './app.ts'

/** Follows channel 0 of a server and has the app handle and show what comes; resolves once it follows. */
export type Follow = (app: App, origin: string) => Promise<void>

/** Shows a state in the next frame: the newest of all that are made before it. */
export function createPainter(app: App): (state: RoomState) => void {
  let newest: RoomState | undefined
  return (state) => {
    if (newest === undefined)
      requestAnimationFrame(() => {
        if (newest !== undefined) app.show(newest)
        newest = undefined
      })
    newest = state
  }
}
