import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, render, screen } from '@testing-library/react'
import { type TestClient, type TestNetwork, testNetwork } from '@triwire/test'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Api } from './contract.ts'
import { realtime, remove, save, todosOf } from './server.ts'
import { useTodos } from './use-todos.ts'

let net: TestNetwork<Api>
let client: TestClient<Api>
/** How long an answer of the REST API is on its way, and how many there were. */
let answerMs = 0
let answers = 0

vi.mock('./client.ts', () => ({
  get rt() {
    return client.channels
  },
  async fetchTodos(list: string, signal: AbortSignal) {
    const todos = todosOf(list)
    if (answerMs > 0) await new Promise((resolve) => setTimeout(resolve, answerMs))
    signal.throwIfAborted()
    answers++
    return todos
  },
}))

beforeEach(() => {
  answerMs = answers = 0
  net = testNetwork(realtime, { act })
  client = net.client()
})

afterEach(async () => {
  cleanup()
  await net.close()
})

function Todos({ list }: { list: string }) {
  const { data } = useTodos(list)
  return <output>{data === undefined ? 'loading' : data.map(({ title }) => title).join(', ')}</output>
}

function show(list: string): void {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Todos list={list} />
    </QueryClientProvider>,
  )
}

const shown = (): string | null => screen.getByRole('status').textContent

test('events change what was fetched once', async () => {
  await save('home', { id: '1', title: 'water plants', done: false })
  show('home')
  await net.settle()
  expect(shown()).toBe('water plants')
  await save('home', { id: '2', title: 'buy bread', done: false })
  await save('home', { id: '1', title: 'water all plants', done: false })
  await net.settle()
  expect(shown()).toBe('buy bread, water all plants')
  await remove('home', '2')
  await net.settle()
  expect(shown()).toBe('water all plants')
  expect(answers).toBe(1)
})

test('an event that overtakes the answer of the API is not lost', async () => {
  answerMs = 1000
  await save('work', { id: '1', title: 'answer mail', done: false })
  show('work')
  await net.advance(500)
  expect(shown()).toBe('loading')
  await save('work', { id: '2', title: 'call back', done: false })
  await net.advance(2000)
  expect(shown()).toBe('answer mail, call back')
})

test('behind a gap everything is fetched again', async () => {
  show('trip')
  await net.settle()
  net.offline()
  // More than the channel keeps.
  for (let n = 1; n <= 60; n++) await save('trip', { id: 'only', title: `version ${n}`, done: false })
  await net.advance(60_000)
  expect(shown()).toBe('')
  net.online()
  await net.advance(1000)
  expect(shown()).toBe('version 60')
  expect(answers).toBe(2)
})
