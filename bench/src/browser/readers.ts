// The readers by the name of their server, each loaded when it is asked for: Socket.IO's looks for a WebSocket as it loads.

import type { Follow } from './reader.ts'

/** Servers that pages can follow. */
export const READERS = {
  triwire: async () => (await import('./triwire-reader.ts')).follow,
  ws: async () => (await import('./web-socket-reader.ts')).follow,
  'socket-io': async () => (await import('./socket-io-reader.ts')).follow,
} as const satisfies Readonly<Record<string, () => Promise<Follow>>>

/** The name of one. */
export type ReaderName = keyof typeof READERS
