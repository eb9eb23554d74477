/** `useConnection`: the state of the connection, apart from that of any channel. */
import { type ConnectionState, defaultClient, idleConnection } from '@triwire/client'
import { useContext, useSyncExternalStore } from 'react'
import { ClientContext, type RealtimeClient } from './provider.ts'

/**
 * The connection of the given client, else of the nearest `RealtimeProvider`, else of the first client that was
 * created and is not closed. `idle` while there is none, and on servers.
 */
export function useConnection(client?: RealtimeClient): ConnectionState {
  const provided = useContext(ClientContext)
  const connection = (client ?? provided ?? defaultClient())?.connection ?? idleConnection
  return useSyncExternalStore(connection.subscribe, connection.getSnapshot, idleConnection.getSnapshot)
}
