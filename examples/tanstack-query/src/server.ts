import { createRealtime } from '@triwire/server'
import { api, type Todo } from './contract.ts'

export const realtime = createRealtime(api, { auth: () => ({ id: 'anybody' }) })

const lists = new Map<string, Map<string, Todo>>() // your database

/** What `GET /todos/:list` answers. */
export function todosOf(list: string): Todo[] {
  return [...(lists.get(list)?.values() ?? [])]
}

/** What `PUT /todos/:list/:id` does: the database first, then whoever looks at the list. */
export async function save(list: string, todo: Todo): Promise<void> {
  lists.set(list, (lists.get(list) ?? new Map<string, Todo>()).set(todo.id, todo))
  await realtime.channels.todos({ list }).emit('saved', todo)
}

export async function remove(list: string, id: string): Promise<void> {
  lists.get(list)?.delete(id)
  await realtime.channels.todos({ list }).emit('removed', { id })
}
