'use client'

export { type RealtimeClient, RealtimeProvider, type RealtimeProviderProps } from './provider.ts'
export { useConnection } from './use-connection.ts'
export { type UsePresenceOptions, type UsePresenceResult, usePresence } from './use-presence.ts'
export { type Speech, type UseRealtimeResult, type UseViewResult, useRealtime } from './use-realtime.ts'
export { preload, type UseSuspenseResult, useSuspenseRealtime } from './use-suspense-realtime.ts'
