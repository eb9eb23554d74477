/** Errors of the app's own handlers: they must neither stop the stream nor vanish. */

/** Hands an error to the host's global handler, as an event listener's error would be. */
export function report(error: unknown): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void }
  if (reportError !== undefined) reportError(error)
  else console.error(error)
}
