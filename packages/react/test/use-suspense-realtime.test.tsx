import type { ViewHandle } from '@triwire/client'
import { type ReactNode, StrictMode, Suspense } from 'react'
import { expect, test, vi } from 'vitest'
import { useSuspenseRealtime } from '../src/index.ts'
import type { Api } from './api.ts'
import { FakeChannel } from './fake-channel.ts'
import { act, render, screen } from './render.ts'

type Lobby = Api['channels']['lobby']

function Room({ lobby }: { lobby: FakeChannel<'lobby'> }): ReactNode {
  const view = lobby.handle as unknown as ViewHandle<Lobby, readonly string[]>
  const { data } = useSuspenseRealtime(view, { select: (names) => names.join() })
  return <output>{data}</output>
}

test('waits for a state over one subscription, under StrictMode, and leaves none', async () => {
  vi.useFakeTimers()
  try {
    const lobby = new FakeChannel('lobby', 'a')
    const { unmount } = render(
      <StrictMode>
        <Suspense fallback="waiting">
          <Room lobby={lobby} />
        </Suspense>
      </StrictMode>,
    )
    expect([document.body.textContent, lobby.open]).toEqual(['waiting', 1])
    // It has come for whoever waits, and for those who ask from now on.
    lobby.warm = ['Ann', 'Bob']
    await act(async () => lobby.frame())
    expect(screen.getByRole('status').textContent).toBe('Ann,Bob')
    unmount()
    await vi.advanceTimersByTimeAsync(5000)
    expect([lobby.open, vi.getTimerCount()]).toEqual([0, 0])
  } finally {
    vi.useRealTimers()
  }
})
