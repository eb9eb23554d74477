/** Somebody elsewhere who writes into a room of the demo: a client in this process, so that no second browser is needed. */
import { createClient } from '@triwire/client'
import type { Api } from '../../../apps/demo/src/contract.ts'
import type { DemoServer } from './demo-server.ts'

/** A writer. */
export interface Writer {
  /** Writes into the lobby; resolves when it is in the log. */
  write(text: string): Promise<void>
  close(): void
}

/** Makes one that writes directly to the server, whatever lies between it and the browser. */
export function createWriter({ url }: DemoServer, room: string): Writer {
  const client = createClient<Api>({ url: `${url}/rt`, auth: () => `guest:Distant Writer:${'5ca1ab1e'.repeat(4)}` })
  const lobby = client.channels.lobby({ room })
  return {
    write: async (text) => void (await lobby.publish('message', { text })),
    close: () => client.close(),
  }
}
