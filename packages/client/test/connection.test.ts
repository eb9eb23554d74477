import { TriwireError } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Connection } from '../src/connection.ts'
import { Link } from '../src/link.ts'
import type { Attempt } from '../src/link-state.ts'
import { Verdicts } from '../src/verdicts.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.advanceTimersByTime(5000)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function start() {
  const verdicts = new Verdicts({ read: () => null, write: () => {} })
  const link = new Link({ wires: ['websocket', 'sse'], verdicts, random: () => 1 })
  const connection = new Connection(link)
  const seen: string[] = []
  connection.observer.subscribe(() => seen.push(connection.observer.getSnapshot().state))
  const move = (change: (now: number) => void): void => {
    change(Date.now())
    connection.handleChange(Date.now())
  }
  return {
    link,
    connection,
    seen,
    move,
    wanted: () => move((now) => link.handleWanted(now)),
    welcome: () => move((now) => link.handleWelcome(link.attempts[0] as Attempt, now, 60_000)),
    broken: (error = new TriwireError('network', 'Gone.')) =>
      move((now) => link.handleClosed(link.attempts[0] as Attempt, error, now)),
    get shown() {
      vi.advanceTimersByTime(16)
      return connection.observer.getSnapshot()
    },
  }
}

describe('the connection as an app shows it', () => {
  it('is idle, then connecting, then online', () => {
    const stage = start()
    expect(stage.shown).toEqual({
      state: 'idle',
      wire: undefined,
      rtt: undefined,
      attempt: 0,
      retryAt: undefined,
      error: undefined,
    })
    stage.wanted()
    expect(stage.shown.state).toBe('connecting')
    stage.welcome()
    expect(stage.shown).toMatchObject({ state: 'online', wire: 'websocket', attempt: 0 })
  })

  it('does not show a blip', () => {
    const stage = start()
    stage.wanted()
    stage.welcome()
    vi.advanceTimersByTime(16)
    stage.seen.length = 0
    stage.broken()
    vi.advanceTimersByTime(400)
    stage.move((now) => stage.link.handleAwake(now))
    vi.advanceTimersByTime(400)
    stage.welcome()
    vi.advanceTimersByTime(5000)
    expect(new Set(stage.seen)).toEqual(new Set(stage.seen.length === 0 ? [] : ['online']))
    expect(stage.shown.state).toBe('online')
  })

  it('shows after a second that it is gone, without being asked', () => {
    const stage = start()
    stage.wanted()
    stage.welcome()
    stage.broken()
    stage.move((now) => stage.link.handleAwake(now))
    vi.advanceTimersByTime(900)
    expect(stage.shown.state).toBe('online')
    vi.advanceTimersByTime(200)
    expect(stage.shown).toMatchObject({ state: 'reconnecting', wire: 'websocket', attempt: 1 })
  })

  it('counts the grace of a second loss from that loss', () => {
    const stage = start()
    stage.wanted()
    stage.welcome()
    stage.broken()
    vi.advanceTimersByTime(500)
    stage.move((now) => stage.link.handleAwake(now))
    stage.welcome()
    vi.advanceTimersByTime(200)
    stage.broken()
    stage.move((now) => stage.link.handleAwake(now))
    vi.advanceTimersByTime(600)
    expect(stage.shown.state).toBe('online')
    // Nothing moves any more: the end of the grace must show by itself.
    vi.advanceTimersByTime(500)
    expect(stage.shown.state).not.toBe('online')
  })

  it('is offline when nothing works, and says when it tries again', () => {
    const stage = start()
    stage.wanted()
    for (let round = 0; round < 2; round++) {
      stage.broken()
      stage.broken()
      if (round === 0) stage.move((now) => stage.link.handleAwake(now))
    }
    expect(stage.shown).toMatchObject({ state: 'offline', attempt: 2, error: { code: 'network' } })
    expect(stage.shown.retryAt).toBe(stage.link.deadline())
  })

  it('is offline when the device says so', () => {
    const stage = start()
    vi.stubGlobal('navigator', { onLine: false })
    stage.wanted()
    expect(stage.shown.state).toBe('offline')
  })

  it('is idle at once when nobody needs it any more, and connecting when somebody does again', () => {
    const stage = start()
    stage.wanted()
    stage.welcome()
    stage.move(() => stage.link.handleUnwanted())
    expect(stage.shown.state).toBe('idle')
    vi.advanceTimersByTime(60_000)
    stage.wanted()
    expect(stage.shown.state).toBe('connecting')
  })

  it('is closed at once, with the reason', () => {
    const stage = start()
    stage.wanted()
    stage.welcome()
    stage.broken(new TriwireError('forbidden', 'No.'))
    expect(stage.shown).toMatchObject({ state: 'closed', error: { code: 'forbidden' } })
  })

  it('shows the round trip, and forgets it with the wire', () => {
    const stage = start()
    stage.wanted()
    stage.welcome()
    stage.connection.handleRtt(12.4)
    expect(stage.shown.rtt).toBe(12)
    stage.broken()
    stage.move((now) => stage.link.setWires(['sse'], now))
    stage.welcome()
    expect(stage.shown).toMatchObject({ wire: 'sse', rtt: undefined })
  })

  it('keeps one object for as long as nothing has changed', () => {
    const stage = start()
    stage.wanted()
    const { shown } = stage
    stage.connection.handleChange(Date.now())
    expect(stage.shown).toBe(shown)
  })

  it('leaves no timer when it is closed', () => {
    const stage = start()
    stage.wanted()
    stage.welcome()
    stage.broken()
    stage.move(() => stage.link.close())
    vi.advanceTimersByTime(16)
    expect(vi.getTimerCount()).toBe(0)
  })
})
