export { provideRealtime, type RealtimeClient } from './provider.ts'
export { useConnection } from './use-connection.ts'
export { type UsePresenceOptions, type UsePresenceResult, usePresence } from './use-presence.ts'
export { type UseRealtimeResult, useRealtime } from './use-realtime.ts'
