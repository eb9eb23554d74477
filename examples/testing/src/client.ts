import { createClient, type EventMeta } from '@triwire/client'
import type { Api, Message } from './contract.ts'

export const client = createClient<Api>({ url: '/rt', auth: () => 'ann' })
export const rt = client.channels

/** A snapshot and the first event behind it can both hold a message; `overlap` says when that may be. */
export function append(list: Message[], message: Message, { overlap }: EventMeta): Message[] {
  if (overlap && list.some(({ id }) => id === message.id)) return list
  return [...list, message]
}
