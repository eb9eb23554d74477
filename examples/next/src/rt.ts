/** The browser's side: one client for the page, and rooms as a view, so that what is sent shows at once. */
import { createClient, view } from '@triwire/client'
import type { Api } from './contract.ts'

// Route handlers have no WebSocket, and a client that knows it does not try.
const client = createClient<Api>({ url: '/rt', wires: ['sse', 'polling'] })

export const room = view(client.channels.chat, {
  initial: ({ messages }) => messages,
  // A snapshot and the first event behind it can both hold a message; `overlap` says when that may be.
  reduce: {
    message: (list, message, { overlap }) =>
      overlap && list.some(({ id }) => id === message.id) ? list : [...list, message],
  },
  optimistic: { send: (list, { text }, id) => [...list, { id, text }] },
})
