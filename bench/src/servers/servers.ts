// The servers by name, each loaded only in the process that is it.

import type { ServerModule } from './bench-server.ts'

export const SERVERS = {
  triwire: () => import('./triwire.ts'),
  'triwire-sqlite': () => import('./triwire-sqlite.ts'),
  'triwire-as-it-comes': () => import('./triwire-as-it-comes.ts'),
  ws: () => import('./ws.ts'),
  'ws-once': () => import('./ws-once.ts'),
  'raw-socket': () => import('./raw-socket.ts'),
  'socket-io': () => import('./socket-io.ts'),
  'engine-io': () => import('./engine-io.ts'),
  crossws: () => import('./crossws.ts'),
  bun: () => import('./bun.ts'),
  sse: () => import('./sse.ts'),
  'sse-once': () => import('./sse-once.ts'),
  'better-sse': () => import('./better-sse.ts'),
  'stream-sse': () => import('./stream-sse.ts'),
  'ws-replay': () => import('./ws-replay.ts'),
  'raw-replay': () => import('./raw-replay.ts'),
  'raw-poll': () => import('./raw-poll.ts'),
} as const satisfies Readonly<Record<string, () => Promise<ServerModule>>>

/** The name of one. */
export type ServerName = keyof typeof SERVERS
