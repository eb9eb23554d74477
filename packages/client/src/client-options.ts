/** What an app tells a client when it makes one. */
import type { BackoffOptions, Delivery, WireName } from '@triwire/protocol'
import type { Driver } from './driver.ts'
import type { WebSocketConstructor } from './wire.ts'

/** Makes a client one of several tabs that share a wire; made by `shareTabs` of `@triwire/client/tabs`. */
export type TabSharing = (
  options: ClientOptions,
  handleDelivery: (delivery: Delivery) => void,
) => Driver | undefined

/** What a client is made of. */
export interface ClientOptions {
  /** Where the server is mounted: `/rt`, or an absolute URL outside browsers and for other origins. */
  readonly url: string
  /**
   * The token for `hello`. Asked again when the server no longer accepts it; after three refusals in a row the client
   * closes with `unauthorized`. Cookies travel by themselves.
   */
  readonly auth?: () => string | null | undefined | Promise<string | null | undefined>
  /** Wires that may be used, best first. Default `['websocket', 'sse', 'polling']`. */
  readonly wires?: readonly WireName[]
  /**
   * `shareTabs()` of `@triwire/client/tabs`: the tabs of one origin and user live on one wire. Default: a wire for each,
   * also where the browser cannot share.
   */
  readonly tabs?: TabSharing
  /** Waiting between attempts. Default: full jitter, 0.5 to 20 s. */
  readonly backoff?: BackoffOptions
  /** Default: the host's own. */
  readonly fetch?: typeof fetch
  /** Default: the host's own; without one, as in Node 20, WebSocket is left out. `ws` fits. */
  readonly webSocket?: WebSocketConstructor
}
