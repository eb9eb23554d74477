/**
 * A client for each page: one in the browser, and one for each request that renders. What the server has awaited travels in
 * the payload, and the browser begins there.
 */
import { createClient, view } from '@triwire/client'
import { provideRealtime, type RenderedSnapshots } from '@triwire/vue'
import { defineNuxtPlugin, useRequestEvent } from 'nuxt/app'
import type { Api } from '../../shared/contract.ts'

export default defineNuxtPlugin((nuxt) => {
  const event = useRequestEvent()
  const client = createClient<Api>({
    // Routes of this app have no WebSocket, and a client that knows it does not try.
    wires: ['sse', 'polling'],
    url: event ? 'http://in.process/rt' : '/rt',
    // On the server it asks the route itself, without a network between.
    ...(event && { fetch: (input, init) => event.fetch(new URL(String(input)).pathname, init) }),
  })
  const room = view(client.channels.chat, {
    initial: ({ messages }) => messages,
    // A snapshot and the first event behind it can both hold a message; `overlap` says when that may be.
    reduce: {
      message: (list, message, { overlap }) =>
        overlap && list.some(({ id }) => id === message.id) ? list : [...list, message],
    },
    optimistic: { send: (list, { text }, id) => [...list, { id, text }] },
  })
  const page = nuxt.ssrContext as { triwire?: RenderedSnapshots } | undefined
  nuxt.hook('app:rendered', () => {
    nuxt.payload.triwire = page?.triwire
  })
  provideRealtime(client, nuxt.vueApp, nuxt.payload.triwire as RenderedSnapshots | undefined)
  return { provide: { room } }
})
