/**
 * Between a host's socket and the engine. A host may kill the process over an exception in one of its handlers (Deno does),
 * and the fault of one connection must stay its own: it is logged, and that connection ends.
 */
import type { Logger } from '@triwire/server'

/** Wraps the handlers of one socket. */
export function guard(logger: Logger, terminate: () => void): (handle: () => void) => void {
  return (handle) => {
    try {
      handle()
    } catch (err) {
      logger.error({ err }, 'a socket could not be served')
      terminate()
    }
  }
}
