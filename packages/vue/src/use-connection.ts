/** `useConnection`: the state of the connection, apart from that of any channel. */
import { type ConnectionState, defaultClient, idleConnection } from '@triwire/client'
import { hasInjectionContext, inject, type ShallowRef } from 'vue'
import { clientKey, type RealtimeClient } from './provider.ts'
import { useObserver } from './use-observer.ts'

/**
 * The connection of the given client, else of the one `provideRealtime` injects, else of the first client that was
 * created and is not closed. `idle` while there is none, and on servers.
 */
export function useConnection(client?: RealtimeClient): Readonly<ShallowRef<ConnectionState>> {
  const provided = hasInjectionContext() ? inject(clientKey, undefined) : undefined
  const connection = (client ?? provided ?? defaultClient())?.connection ?? idleConnection
  return useObserver(
    () => connection,
    () => connection,
    idleConnection.getSnapshot(),
  )
}
