import type { ReactNode } from 'react'
import { expect, test } from 'vitest'
import { RealtimeProvider, useConnection } from '../src/index.ts'
import { fakeClient } from './fake-channel.ts'
import { act, renderHook } from './render.ts'

test('without any client the connection is idle', () => {
  const { result } = renderHook(() => useConnection())
  expect(result.current).toMatchObject({ state: 'idle', wire: undefined, attempt: 0 })
})

test('a provider names the client, and an argument names another', () => {
  const [provided, passed] = [fakeClient('connecting'), fakeClient('offline')]
  const wrapper = ({ children }: { children: ReactNode }) => (
    <RealtimeProvider client={provided}>{children}</RealtimeProvider>
  )
  const { result, rerender, unmount } = renderHook(({ client }) => useConnection(client), {
    wrapper,
    initialProps: { client: undefined as typeof passed | undefined },
  })
  expect(result.current.state).toBe('connecting')
  act(() => provided.set('online'))
  expect(result.current.state).toBe('online')
  rerender({ client: passed })
  expect([result.current.state, provided.listeners.size, passed.listeners.size]).toEqual(['offline', 0, 1])
  unmount()
  expect(passed.listeners.size).toBe(0)
})
