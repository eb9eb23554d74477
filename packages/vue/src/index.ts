export { provideRealtime, type RealtimeClient, type RenderedSnapshots } from './provider.ts'
export { useConnection } from './use-connection.ts'
export { type UsePresenceOptions, type UsePresenceResult, usePresence } from './use-presence.ts'
export { type Awaitable, type UseRealtimeResult, type UseViewResult, useRealtime } from './use-realtime.ts'
