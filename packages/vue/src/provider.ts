/** An optional provider, for tests and for pages with several back ends. Without one the default client is used. */
import type { ConnectionState, Observer } from '@triwire/client'
import { type App, type InjectionKey, provide } from 'vue'

/** What the composables need of a client. */
export interface RealtimeClient {
  readonly connection: Observer<ConnectionState>
}

/** The key under which the client is injected. */
export const clientKey: InjectionKey<RealtimeClient> = Symbol('triwire')

/**
 * Makes `client` the one that `useConnection()` shows: in a whole app, or, called in `setup`, below a component.
 * Channels name their client themselves.
 */
export function provideRealtime(client: RealtimeClient, app?: App): void {
  if (app) app.provide(clientKey, client)
  else provide(clientKey, client)
}
