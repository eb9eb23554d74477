import { describe, expect, it } from 'vitest'
import { openWebSocket } from '../src/websocket-wire.ts'
import type { WebSocketLike } from '../src/wire.ts'
import { createRecorder } from './fake-fetch.ts'

class PlainSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly url: string
  readonly protocols: string | string[]
  readonly frames: string[] = []
  readonly closes: (number | undefined)[] = []

  constructor(url: string, protocols: string | string[]) {
    this.url = url
    this.protocols = protocols
  }

  send(data: string): void {
    this.frames.push(data)
  }

  close(code?: number): void {
    this.closes.push(code)
  }
}

function start(url = 'https://x.test/rt', changes: string[] = []) {
  let socket: PlainSocket | undefined
  const { told, listener } = createRecorder()
  const wire = openWebSocket({
    url,
    source: { opening: () => 'opening', hello: () => 'hello', changes: () => changes },
    listener,
    fetch,
    webSocket: class extends PlainSocket {
      constructor(to: string, protocols: string | string[]) {
        super(to, protocols)
        socket = this
      }
    },
  })
  if (socket === undefined) throw new Error('no socket was made')
  return { wire, socket, told }
}

describe('the WebSocket wire', () => {
  it.each([
    ['https://x.test/rt', 'wss://x.test/rt'],
    ['http://x.test:3000/rt', 'ws://x.test:3000/rt'],
  ])('turns %s into %s and names the subprotocol', (url, expected) => {
    const { socket } = start(url)
    expect(socket.url).toBe(expected)
    expect(socket.protocols).toBe('triwire.v1')
  })

  it('writes hello and joins as soon as the pipe is open: data flows after one round trip', () => {
    const { socket, told } = start()
    expect(socket.frames).toEqual([])
    socket.onopen?.(undefined as never)
    expect(socket.frames).toEqual(['opening'])
    expect(told).toEqual(['ready'])
  })

  it('writes the lines of one call as one frame', () => {
    const { wire, socket } = start()
    socket.onopen?.(undefined as never)
    wire.send([
      { text: 'a', lane: 'ordered' },
      { text: 'b', lane: 'command' },
    ])
    wire.send([])
    expect(socket.frames).toEqual(['opening', 'a\nb'])
  })

  it('never writes a frame that servers refuse for its size', () => {
    const { wire, socket } = start()
    socket.onopen?.(undefined as never)
    const line = '€'.repeat(10_000)
    wire.send(Array.from({ length: 30 }, () => ({ text: line, lane: 'ordered' as const })))
    wire.send(Array.from({ length: 1500 }, (_, index) => ({ text: `${index}`, lane: 'ordered' as const })))
    const frames = socket.frames.slice(1)
    for (const frame of frames) {
      expect(new TextEncoder().encode(frame).byteLength).toBeLessThanOrEqual(262_144)
      expect(frame.split('\n').length).toBeLessThanOrEqual(1024)
    }
    expect(frames.join('\n').split('\n')).toHaveLength(1530)
  })

  it('writes joins and leaves as lines', () => {
    const { wire, socket } = start('https://x.test/rt', ['leave', 'join'])
    wire.change()
    expect(socket.frames).toEqual([])
    socket.onopen?.(undefined as never)
    wire.change()
    expect(socket.frames).toEqual(['opening', 'leave\njoin'])
  })

  it('writes nothing before it is open', () => {
    const { wire, socket } = start()
    wire.send([{ text: 'a', lane: 'ordered' }])
    expect(socket.frames).toEqual([])
  })

  it('hands out text frames and ignores binary ones', () => {
    const { socket, told } = start()
    socket.onopen?.(undefined as never)
    socket.onmessage?.({ data: 'text' })
    socket.onmessage?.({ data: new ArrayBuffer(3) })
    expect(told).toEqual(['ready', 'text text'])
  })

  it.each([1000, 1001, 1006, 1009, 1011, 4401])(
    'leaves it to the line before a close with %i to say why it came',
    (code) => {
      const { socket, told } = start()
      socket.onclose?.({ code, reason: 'whatever' })
      expect(told).toEqual(['closed network'])
    },
  )

  it('reports its end once', () => {
    const { socket, told } = start()
    const { onclose } = socket
    onclose?.({ code: 1006, reason: '' })
    onclose?.({ code: 1006, reason: '' })
    expect(told).toEqual(['closed network'])
  })

  it('says nothing more once it is closed, whatever the socket still does', () => {
    const { wire, socket, told } = start()
    const { onopen, onmessage, onclose } = socket
    wire.close()
    onopen?.(undefined as never)
    onmessage?.({ data: 'late' })
    onclose?.({ code: 1000, reason: '' })
    wire.send([{ text: 'a', lane: 'ordered' }])
    wire.change()
    expect(told).toEqual([])
    expect(socket.frames).toEqual([])
    expect(socket.closes).toEqual([1000])
  })

  it('survives a socket that reports an error before its close', () => {
    const { socket, told } = start()
    socket.onerror?.(undefined as never)
    socket.onclose?.({ code: 1006, reason: '' })
    expect(told).toEqual(['closed network'])
  })
})
