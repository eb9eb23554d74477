import { type ChannelHandle, TriwireError } from '@triwire/client'
import { type ReactNode, StrictMode, useState } from 'react'
import { describe, expect, test } from 'vitest'
import { useRealtime } from '../src/index.ts'
import type { Api } from './api.ts'
import { FakeChannel } from './fake-channel.ts'
import { act, render, renderHook, screen } from './render.ts'

type Lobby = ChannelHandle<Api['channels']['lobby']>

function useLobby(channel: Lobby | undefined) {
  return useRealtime(channel, { initial: [], reduce: { message: (list, m) => [...list, m] } })
}

function Room(props: { lobby: FakeChannel<'lobby'>; seen: string[]; name: string }): ReactNode {
  const { lobby, seen, name } = props
  useRealtime(lobby.handle, { on: { message: (m) => seen.push(`${name}: ${m.text}`) } })
  // A ref callback runs within the commit, before any layout or passive effect of this component.
  return <div ref={() => lobby.emit('message', { text: `committed ${name}` })} />
}

function RoomSwitch({ rooms }: { rooms: Record<'a' | 'b', FakeChannel<'lobby'>> }): ReactNode {
  const [room, setRoom] = useState<'a' | 'b'>()
  const { status } = useLobby(room && rooms[room].handle)
  return (
    <button type="button" onClick={() => setRoom(room === 'a' ? 'b' : 'a')}>
      {status}
    </button>
  )
}

describe('the state of a channel', () => {
  test('is joining at first and live with data after the first frame', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const { result } = renderHook(() => useLobby(lobby.handle))
    expect(result.current).toMatchObject({ status: 'joining', data: undefined, error: undefined, pending: 0 })
    act(() => lobby.emit('message', { text: 'hi' }))
    act(() => lobby.frame())
    expect(result.current).toMatchObject({ status: 'live', data: [{ text: 'hi' }] })
  })

  test('costs one render per frame, however many events the frame holds', () => {
    const lobby = new FakeChannel('lobby', 'a')
    let renders = 0
    const { result } = renderHook(() => {
      renders++
      return useLobby(lobby.handle)
    })
    const before = renders
    act(() => {
      for (let i = 0; i < 1000; i++) lobby.emit('message', { text: String(i) })
      lobby.frame()
    })
    expect(result.current.data).toHaveLength(1000)
    expect(renders - before).toBe(1)
  })

  test('is the same object for as long as nothing changes', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const { result, rerender } = renderHook(() => useLobby(lobby.handle))
    const before = result.current
    rerender()
    expect(result.current).toBe(before)
  })

  test('of nothing is idle: publish and commands reject and say what to do', async () => {
    for (const off of [null, undefined, false, '', 0] as const) {
      const { result } = renderHook(() => useRealtime<Api['channels']['chat']>(off))
      expect(result.current).toMatchObject({ status: 'idle', data: undefined, pending: 0 })
      const failure = await result.current.commands.send({ text: 'hi' }).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(TriwireError)
      expect(failure).toMatchObject({ code: 'bad_channel', message: expect.stringContaining('Pass one first') })
      await expect(result.current.publish('message' as never, {} as never)).rejects.toMatchObject({
        code: 'bad_channel',
      })
      result.current.signal('typing', { on: true })
    }
  })
})

describe('subscriptions', () => {
  test('StrictMode keeps one, and unmounting leaves none', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const { unmount } = renderHook(() => useLobby(lobby.handle), { wrapper: StrictMode })
    expect(lobby.open).toBe(1)
    unmount()
    expect(lobby.open).toBe(0)
  })

  test('begin with the mount, not with the render', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const openWhileRendering: number[] = []
    renderHook(() => {
      useLobby(lobby.handle)
      openWhileRendering.push(lobby.open)
    })
    expect(openWhileRendering[0]).toBe(0)
  })

  test('follow the channel: the old one is let go, the new one starts at joining', () => {
    const [a, b] = [new FakeChannel('lobby', 'a'), new FakeChannel('lobby', 'b')]
    const statuses: string[] = []
    const { result, rerender } = renderHook(
      ({ channel }: { channel: Lobby | undefined }) => {
        const result = useLobby(channel)
        statuses.push(result.status)
        return result
      },
      { initialProps: { channel: a.handle as Lobby | undefined }, wrapper: StrictMode },
    )
    act(() => a.frame())
    expect(result.current.status).toBe('live')
    statuses.length = 0
    rerender({ channel: b.handle })
    expect([a.open, b.open]).toEqual([0, 1])
    expect(statuses).not.toContain('live')
    act(() => b.emit('message', { text: 'b' }))
    act(() => b.frame())
    expect(result.current.data).toEqual([{ text: 'b' }])
    rerender({ channel: undefined })
    expect([a.open, b.open, result.current.status]).toEqual([0, 0, 'idle'])
  })

  test('are kept across renders, and made anew for another `latest`', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const { rerender, result } = renderHook(
      ({ latest }: { latest: 'message' | 'closed' }) => useRealtime(lobby.handle, { latest }),
      { initialProps: { latest: 'message' } as { latest: 'message' | 'closed' } },
    )
    for (let i = 0; i < 10; i++) rerender({ latest: 'message' })
    expect([lobby.observers, lobby.subscriptions]).toEqual([1, 1])
    rerender({ latest: 'closed' })
    expect([lobby.observers, lobby.subscriptions, lobby.open]).toEqual([2, 2, 1])
    act(() => lobby.emit('closed', { reason: 'late' }))
    act(() => lobby.frame())
    expect(result.current.data).toEqual({ reason: 'late' })
  })

  test('1,000 mounts and unmounts leave none', () => {
    const lobby = new FakeChannel('lobby', 'a')
    for (let i = 0; i < 1000; i++) renderHook(() => useLobby(lobby.handle)).unmount()
    expect(lobby.subscriptions).toBe(1000)
    expect(lobby.open).toBe(0)
  })
})

describe('closures', () => {
  test('every event reaches the newest handler, and each event reaches exactly one', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const seen: string[] = []
    const { rerender } = renderHook(
      ({ render: n }: { render: number }) =>
        useRealtime(lobby.handle, { on: { message: (m) => seen.push(`${m.text} in render ${n}`) } }),
      { initialProps: { render: 1 }, wrapper: StrictMode },
    )
    act(() => lobby.emit('message', { text: 'a' }))
    rerender({ render: 2 })
    act(() => lobby.emit('message', { text: 'b' }))
    expect(seen).toEqual(['a in render 1', 'b in render 2'])
  })

  test('an event between commit and effects meets the closures of that commit', () => {
    const lobby = new FakeChannel('lobby', 'a')
    const seen: string[] = []
    const { rerender } = render(<Room lobby={lobby} seen={seen} name="a" />)
    rerender(<Room lobby={lobby} seen={seen} name="b" />)
    expect(seen).toContain('b: committed b')
    expect(seen).not.toContain('a: committed b')
  })

  test('publish, signal and commands stay the same functions for a channel', async () => {
    const chat = new FakeChannel('chat', 'a')
    const { result, rerender } = renderHook(() => useRealtime(chat.handle))
    const { publish, signal, commands } = result.current
    rerender()
    act(() => chat.frame())
    expect(result.current.status).toBe('live')
    expect([result.current.publish, result.current.signal, result.current.commands]).toEqual([
      publish,
      signal,
      commands,
    ])
    expect(result.current.commands).toBe(commands)
    await expect(commands.send({ text: 'hi' })).resolves.toEqual({ id: '1' })
    signal('typing', { on: true })
    expect(chat.calls).toEqual(['send {"text":"hi"}', 'signal typing {"on":true}'])
  })

  test('the commands of no channel are the same functions in every render', () => {
    const { result, rerender } = renderHook(() => useRealtime<Api['channels']['chat']>(null))
    const { send } = result.current.commands
    rerender()
    expect(result.current.commands.send).toBe(send)
  })
})

test('a component may choose its channel by state', () => {
  const rooms = { a: new FakeChannel('lobby', 'a'), b: new FakeChannel('lobby', 'b') }
  render(<RoomSwitch rooms={rooms} />, { wrapper: StrictMode })
  const button = screen.getByRole('button')
  expect(button.textContent).toBe('idle')
  act(() => button.click())
  expect([button.textContent, rooms.a.open]).toEqual(['joining', 1])
  act(() => rooms.a.frame())
  expect(button.textContent).toBe('live')
  act(() => button.click())
  expect([button.textContent, rooms.a.open, rooms.b.open]).toEqual(['joining', 0, 1])
})
