/** A query that stays up to date by itself: fetched once, then changed by events, and fetched again only behind a gap. */
import { type QueryKey, type UseQueryResult, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRealtime } from '@triwire/react'
import { fetchTodos, rt } from './client.ts'
import type { Todo } from './contract.ts'

export function useTodos(list: string): UseQueryResult<Todo[]> {
  const queryClient = useQueryClient()
  const queryKey: QueryKey = ['todos', list]

  // Cancelled first: a query that has no data yet would go on with the request it has.
  const refetch = async (): Promise<void> => {
    await queryClient.cancelQueries({ queryKey })
    await queryClient.invalidateQueries({ queryKey })
  }
  const change = (how: (todos: Todo[]) => Todo[]): void => {
    // The answer that is on its way may have been written before this event, or after it.
    if (queryClient.isFetching({ queryKey }) > 0) void refetch()
    else queryClient.setQueryData<Todo[]>(queryKey, (todos) => todos && how(todos))
  }

  const { status } = useRealtime(rt.todos({ list }), {
    on: {
      saved: (todo) => change((todos) => [...todos.filter(({ id }) => id !== todo.id), todo]),
      removed: ({ id }) => change((todos) => todos.filter((todo) => todo.id !== id)),
      $gap: () => void refetch(),
    },
  })
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => fetchTodos(list, signal),
    // Not before the channel is joined: whatever happens after the request is then told by an event.
    enabled: status !== 'joining',
    staleTime: Number.POSITIVE_INFINITY,
  })
}
