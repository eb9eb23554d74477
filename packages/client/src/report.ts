/** Errors of the app's own functions: they must neither stop the stream nor vanish. */

/** Calls back; what it throws goes to the host's global handler, as an event listener's error would. */
export function attempt(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    const { reportError = console.error } = globalThis as { reportError?: (error: unknown) => void }
    reportError(error)
  }
}
