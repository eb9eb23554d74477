// What the clients of the peers say over WebSocket.

import type { WebSocketWords } from '../load/websocket-client.ts'

/** The words of servers/ws.ts: the channels, and a word when they are followed. */
export const joinWords: WebSocketWords = {
  path: () => '/',
  greet: (channels) => ({
    first: `j${channels.join()}`,
    hear: (text) => (text === 'ready' ? true : undefined),
  }),
  publish: (_channel, _n, texts) => texts.map((text) => `p${JSON.stringify(text)}`),
  command: (_channel, _n, text) => `e${JSON.stringify(text)}`,
  announce: (_channel, _n, text) => `b${JSON.stringify(text)}`,
  depart: (_channel, _n, text) => `b${JSON.stringify(text)}`,
}

/** The upgrade and nothing else. */
export const silentWords: WebSocketWords = {
  path: () => '/',
  greet: () => ({ silent: true, hear: () => undefined }),
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
  publish: (_channel, _n, texts) => texts.map((text) => `42${JSON.stringify(['publish', text])}`),
  command: (_channel, n, text) => `42${n}${JSON.stringify(['command', text])}`,
  announce: (_channel, _n, text) => `42${JSON.stringify(['announce', text])}`,
  depart: (_channel, _n, text) => `42${JSON.stringify(['announce', text])}`,
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
