// What can be wrong with a network, as data. A proxy has a list of faults; they apply side by side, so that "WebSocket
// refused and stream heads held" is two of them.

/** What a request is for, as far as a middlebox can tell. `hook` is a Socket.IO long poll, read or write. */
export type RequestKind = 'websocket' | 'stream' | 'poll' | 'send' | 'hook' | 'other'

/** One thing that is wrong. */
export type Fault =
  /** Every connection is reset at once, again and again. */
  | { readonly kind: 'cut'; readonly everyMs: number }
  /** New connections are reset. */
  | { readonly kind: 'unreachable' }
  /** Requests of a kind are answered by the proxy. */
  | { readonly kind: 'refuse'; readonly of: RequestKind; readonly status: number }
  /** Requests of a kind are taken and never answered. */
  | { readonly kind: 'swallow'; readonly of: RequestKind }
  /** The head of the answer passes (101, or 200 of a stream); then silence both ways. */
  | { readonly kind: 'silence-after-head'; readonly of: RequestKind }
  /** The connection is reset so long after the head of the answer has passed. */
  | { readonly kind: 'kill-after-head'; readonly of: RequestKind; readonly afterMs: number }
  /** Nothing of the answer passes, as with a proxy that buffers until the end. */
  | { readonly kind: 'hold-answer'; readonly of: RequestKind }
  /** The head passes, the first server-sent event only when the second is there. */
  | { readonly kind: 'hold-first-event' }
  /** Every n-th request reaches the server, and its answer is lost with its connection. */
  | { readonly kind: 'drop-answers'; readonly every: number }
  /** What arrives arrives in pieces of 1 to 7 bytes, with pauses. */
  | { readonly kind: 'slice' }
  /** So many bytes per second, each way and connection. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
