import { channel, contract } from '@triwire/protocol'
import { z } from 'zod'

const Todo = z.object({ id: z.string(), title: z.string(), done: z.boolean() })

export const api = contract({
  todos: channel('todos/:list', {
    events: { saved: Todo, removed: z.object({ id: z.string() }) },
    history: { keep: 50 },
  }),
})

export type Api = typeof api
export type Todo = z.output<typeof Todo>
