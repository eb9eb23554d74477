/**
 * What a server component gets for `@triwire/react`: the same names, each of which says at once what to do. Hooks hold a
 * wire, and a server component is gone before its page is there.
 */

function refuse(name: string): () => never {
  return () => {
    throw new Error(
      `${name} of @triwire/react runs in client components. Begin this file with 'use client', or await \`snapshot()\` of @triwire/client here and pass it on as \`from\`.`,
    )
  }
}

export const RealtimeProvider: () => never = refuse('RealtimeProvider')
export const preload: () => never = refuse('preload')
export const useConnection: () => never = refuse('useConnection')
export const usePresence: () => never = refuse('usePresence')
export const useRealtime: () => never = refuse('useRealtime')
export const useSuspenseRealtime: () => never = refuse('useSuspenseRealtime')
