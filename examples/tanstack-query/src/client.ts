import { createClient } from '@triwire/client'
import type { Api, Todo } from './contract.ts'

export const rt = createClient<Api>({ url: '/rt' }).channels

/** The REST API that is there anyway. */
export async function fetchTodos(list: string, signal: AbortSignal): Promise<Todo[]> {
  const response = await fetch(`/todos/${encodeURIComponent(list)}`, { signal })
  if (!response.ok) throw new Error(`The server answered ${response.status}.`)
  return (await response.json()) as Todo[]
}
