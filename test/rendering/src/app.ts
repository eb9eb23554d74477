/**
 * An app with its server in the same process and no port between them: the client's `fetch` is the server's handler. What
 * the tests render is a room of messages.
 */
import { type Client, createClient, type ViewHandle, view } from '@triwire/client'
import { fetchHandler } from '@triwire/edge/fetch'
import { channel, contract } from '@triwire/protocol'
import { createRealtime } from '@triwire/server'
import { z } from 'zod'

const Message = z.object({ id: z.string(), text: z.string() })

const api = contract({
  chat: channel('chat/:roomId', {
    events: { message: Message },
    commands: { send: { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }) } },
    presence: z.object({ name: z.string() }),
    signals: { cursor: z.object({ x: z.number() }) },
    snapshot: z.object({ messages: z.array(Message) }),
  }),
  lobby: channel('lobby', { events: { message: z.object({ text: z.string() }) }, history: { keep: 1000 } }),
})
export type Api = typeof api
export type Message = z.output<typeof Message>
/** A room as a view. */
export type Room = (params: { readonly roomId: string }) => ViewHandle<Api['channels']['chat'], readonly Message[]>

/** The server, and what it was asked. */
export class App {
  readonly messages: Message[] = []
  /** Paths of requests, in order. */
  readonly requests: string[] = []
  /** Called when a snapshot is made. */
  onSnapshot: () => void | Promise<void> = () => {}
  /** Rooms that somebody follows. */
  readonly occupied = new Set<string>()
  readonly realtime = createRealtime(api, { auth: ({ token }) => ({ id: token ?? 'anonymous' }) }).on('chat', {
    authorize: ({ params, user }) => params.roomId !== 'staff' || user.id === 'root',
    onOccupied: ({ params }) => void this.occupied.add(params.roomId),
    onVacated: ({ params }) => void this.occupied.delete(params.roomId),
    snapshot: async () => {
      const messages = [...this.messages]
      await this.onSnapshot()
      return { messages }
    },
    commands: {
      send: async ({ text }, { emit, id }) => {
        const message = { id, text }
        this.messages.push(message)
        await emit('message', message)
        return { id }
      },
    },
  })
  readonly #handle = fetchHandler(this.realtime, { base: '/rt' })
  readonly #clients: Client<Api>[] = []

  readonly fetch: typeof fetch = (input, init) => {
    const request = new Request(input as string, init)
    this.requests.push(new URL(request.url).pathname)
    return this.#handle(request)
  }

  /** Somebody says something. */
  async say(text: string): Promise<void> {
    const message = { id: `m${this.messages.length + 1}`, text }
    this.messages.push(message)
    await this.realtime.channels.chat({ roomId: '1' }).emit('message', message)
  }

  /** A client with a view of its rooms: one per browser page, one per request of a rendering server. */
  createClient(token?: string): { readonly client: Client<Api>; readonly room: Room } {
    const client = createClient<Api>({
      url: 'http://app.test/rt',
      fetch: this.fetch,
      wires: ['sse'],
      ...(token === undefined ? {} : { auth: () => token }),
    })
    this.#clients.push(client)
    const room: Room = view(client.channels.chat, {
      initial: ({ messages }): readonly Message[] => messages,
      reduce: {
        message: (list, message, { overlap }) =>
          overlap && list.some(({ id }) => id === message.id) ? list : [...list, message],
      },
      optimistic: { send: (list, { text }, id) => [...list, { id, text }] },
    })
    return { client, room }
  }

  /** Wires that were opened. */
  get wires(): number {
    return this.requests.filter((path) => path === '/rt/stream').length
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.realtime.close()
  }
}
