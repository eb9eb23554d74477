/** A store that follows a channel: one subscription, however many components use it. */
import { usePresence, useRealtime } from '@triwire/vue'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { rt } from './client.ts'

export const useLobbyStore = defineStore('lobby', () => {
  const name = ref('')
  const room = ref<string>()
  const lobby = () => room.value && rt.lobby({ room: room.value })

  const { data, status, pending, publish } = useRealtime(lobby, {
    tail: 50,
    initial: [],
    reduce: { message: (list, message) => [...list, message].slice(-50) },
  })
  const { members } = usePresence(lobby, { set: () => (name.value ? { name: name.value } : undefined) })

  const messages = computed(() => data.value ?? [])
  const names = computed(() => members.value.map(({ value }) => value.name))
  const say = (text: string) => publish('message', { from: name.value, text })
  return { name, room, messages, names, status, pending, say }
})
