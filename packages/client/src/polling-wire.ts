/**
 * Long polling: a stream that ends after its first batch. What the client has seen is in the cursors of its next poll,
 * so a lost response is simply asked for again and an abandoned poll costs nothing.
 */
import { POLL_HOLD_MS } from '@triwire/protocol'
import { HttpError, post, wasAborted } from './post.ts'
import { createUpstream } from './upstream.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Milliseconds beyond the hold after which a poll counts as lost. */
const GRACE_MS = 10_000

/** Starts polling. */
export function openPolling(options: WireOptions): Wire {
  const { url, source, listener, fetch } = options
  const upstream = createUpstream(options)
  let poll = new AbortController()
  let closed = false

  const run = async (): Promise<void> => {
    // The first poll answers at once: it is the sign that this wire works.
    let waitMs = 0
    while (!closed) {
      poll = new AbortController()
      const controller = poll
      try {
        const request = {
          fetch,
          url: `${url}/poll`,
          body: source.opening(waitMs),
          controller,
          timeoutMs: waitMs + GRACE_MS,
        }
        const text = await post(request, (response) => response.text())
        if (closed) return
        waitMs = POLL_HOLD_MS
        listener.handleText(text)
      } catch (error) {
        // Aborted because the set of channels changed: the next poll asks with the new set.
        if (wasAborted(controller) && !closed) continue
        if (closed) return
        close()
        const { code, message, retryMs } = HttpError.from(error)
        listener.handleClosed(code, message, retryMs)
      }
    }
  }

  const close = (): void => {
    closed = true
    upstream.close()
    poll.abort()
  }

  void run()
  return { send: upstream.send, change: () => poll.abort(), close }
}
