// Triwire: a view with a reducer, observed with a handler.

import { createClient, view } from '@triwire/client'
import type { Api } from '../servers/triwire.ts'
import { type App, addMessage, EMPTY_ROOM } from './app.ts'

export async function follow(app: App, origin: string): Promise<void> {
  const client = createClient<Api>({ url: `${origin}/rt`, wires: ['websocket'], auth: () => 'reader' })
  const room = view(client.channels.room, { initial: EMPTY_ROOM, reduce: { message: addMessage } })
  const observer = room({ id: '0' }).observe({ on: { message: () => app.handle() } })
  await new Promise<void>((resolve) => {
    observer.subscribe(() => {
      const { status, data } = observer.getSnapshot()
      if (data !== undefined) app.show(data)
      if (status === 'live') resolve()
    })
  })
}
