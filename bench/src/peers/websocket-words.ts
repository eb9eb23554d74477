// What the clients of the peers say over WebSocket.

import type { WebSocketWords } from '../load/websocket-client.ts'

/** The words of servers/ws.ts: the channels, and a word when they are followed. */
export const joinWords: WebSocketWords = {
  path: () => '/',
  greet: (channels) => ({
    first: `j${channels.join()}`,
    hear: (text) => (text === 'ready' ? true : undefined),
  }),
}

/** Channels in the URL, for servers that do not listen. */
export const urlWords: WebSocketWords = {
  path: (channels) => `/?c=${channels.join()}`,
  greet: () => ({ hear: (text) => (text === 'ready' ? true : undefined) }),
}

/** Socket.IO protocol 5 over engine.io protocol 4: open, connect to the namespace, one event. */
export const socketIoWords: WebSocketWords = {
  path: () => '/socket.io/?EIO=4&transport=websocket',
  pings: { '2': '3' },
  greet: (channels) => ({
    hear(text) {
      if (text.startsWith('0{')) return '40'
      if (text.startsWith('40{')) return `42${JSON.stringify(['join', channels.map(String)])}`
      return text === '42["ready"]' ? true : undefined
    },
  }),
}

/** Engine.io protocol 4, with the words of `joinWords` in its messages. */
export const engineIoWords: WebSocketWords = {
  path: () => '/engine.io/?EIO=4&transport=websocket',
  pings: { '2': '3' },
  greet: (channels) => ({
    hear(text) {
      if (text.startsWith('0{')) return `4j${channels.join()}`
      return text === '4ready' ? true : undefined
    },
  }),
}
