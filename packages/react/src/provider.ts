/** An optional provider, for tests and for pages with several back ends. Without one the default client is used. */
import type { ConnectionState, Observer } from '@triwire/client'
import { type Context, createContext, createElement, type ReactElement, type ReactNode } from 'react'

/** What the hooks need of a client. */
export interface RealtimeClient {
  readonly connection: Observer<ConnectionState>
}

/** Props of `RealtimeProvider`. */
export interface RealtimeProviderProps {
  readonly client: RealtimeClient
  readonly children?: ReactNode
}

/** The client of the nearest provider. */
export const ClientContext: Context<RealtimeClient | undefined> = createContext<RealtimeClient | undefined>(
  undefined,
)

/** Makes `client` the one that `useConnection()` shows below. Channels name their client themselves. */
export function RealtimeProvider({ client, children }: RealtimeProviderProps): ReactElement {
  // `.Provider` rather than the context itself, which React 18 cannot render.
  return createElement(ClientContext.Provider, { value: client }, children)
}
