import { useRealtime } from '@triwire/vue'
import type { Ref } from 'vue'
import { append, rt } from './client.ts'

export function useRoom(roomId: Ref<string | undefined>) {
  return useRealtime(() => roomId.value && rt.chat({ roomId: roomId.value }), {
    initial: (snapshot) => snapshot.messages,
    reduce: { message: (list, message, meta) => append(list, message, meta) },
  })
}
