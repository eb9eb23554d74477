import type { OutgoingLine } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRequests } from '../src/requests.ts'
import { createFakeFetch, createRecorder, createSource, settle } from './fake-fetch.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** What every answer begins with. */
const welcome = '{"t":"welcome"}'

const ordered = (...texts: string[]): OutgoingLine[] => texts.map((text) => ({ text, lane: 'ordered' }))
const commands = (...texts: string[]): OutgoingLine[] => texts.map((text) => ({ text, lane: 'command' }))

function start() {
  const { fetch, requests } = createFakeFetch()
  const { told, listener } = createRecorder()
  const source = createSource()
  const upstream = createRequests({ url: 'https://x.test/rt', source, listener, fetch, webSocket: undefined })
  return { upstream, requests, told, bodies: () => requests.map(({ body }) => body) }
}

describe('what a wire says last', () => {
  it('travels in a request of its own, which the end of all others does not end', async () => {
    const { upstream, requests, told } = start()
    upstream.send(ordered('1'))
    upstream.close(ordered('bye', 'bye too'))
    upstream.close(ordered('late'))
    await settle()
    expect(requests.map(({ body, init }) => [body, init.signal?.aborted, init.keepalive])).toEqual([
      ['hello\n1', true, undefined],
      ['hello\nbye\nbye too', false, true],
    ])
    requests[1]?.answer(`${welcome}acks`)
    await settle()
    expect([told, vi.getTimerCount()]).toEqual([[], 0])
  })

  it('is given up after two seconds, or when it fails, and nobody is told', async () => {
    for (const end of [() => vi.advanceTimersByTime(2000), ({ fail }: { fail(): void }) => fail()]) {
      const { upstream, requests, told } = start()
      upstream.close(ordered('bye'))
      end(requests[0] as { fail(): void })
      await settle()
      expect([told, vi.getTimerCount()]).toEqual([[], 0])
    }
  })

  it('is nothing, where there is nothing to say', () => {
    const { upstream, requests } = start()
    upstream.close()
    expect(requests).toEqual([])
  })
})

describe('the upstream of an HTTP wire', () => {
  it('sends lines behind a hello and hands out the answer', async () => {
    const { upstream, requests, told } = start()
    upstream.send(ordered('a', 'b'))
    expect(requests[0]).toMatchObject({ url: 'https://x.test/rt/send', body: 'hello\na\nb' })
    requests[0]?.answer(`${welcome}acks`)
    await settle()
    expect(told).toEqual([`text ${welcome}acks`])
  })

  it('has one ordered request at a time; what comes meanwhile travels together in the next', async () => {
    const { upstream, requests, bodies } = start()
    upstream.send(ordered('1'))
    upstream.send(ordered('2'))
    upstream.send(ordered('3', '4'))
    await settle()
    expect(bodies()).toEqual(['hello\n1'])
    requests[0]?.answer(welcome)
    await settle()
    expect(bodies()).toEqual(['hello\n1', 'hello\n2\n3\n4'])
  })

  it('sends commands apart from the rest, each alone and at most two at once', async () => {
    const { upstream, requests, bodies } = start()
    upstream.send([...ordered('1'), ...commands('x', 'y', 'z')])
    await settle()
    expect(bodies()).toEqual(['hello\n1', 'hello\nx', 'hello\ny'])
    requests[2]?.answer(welcome)
    await settle()
    expect(bodies().slice(3)).toEqual(['hello\nz'])
  })

  it('does not let a slow command hold up what is published', async () => {
    const { upstream, requests, bodies } = start()
    upstream.send(commands('slow', 'slow too'))
    for (const text of ['1', '2', '3']) {
      upstream.send(ordered(text))
      await settle()
      requests.at(-1)?.answer(welcome)
      await settle()
    }
    expect(bodies().slice(2)).toEqual(['hello\n1', 'hello\n2', 'hello\n3'])
  })

  it('keeps the number of lines of a request so low that a slow server answers in time', async () => {
    const { upstream, requests } = start()
    const lines = Array.from({ length: 2500 }, (_, index) => `line ${index}`)
    upstream.send(ordered(...lines))
    const sent: string[] = []
    for (let index = 0; index < requests.length; index++) {
      const [hello, ...rest] = (requests[index]?.body ?? '').split('\n')
      expect(hello).toBe('hello')
      // Half a second for each, and an answer within 20 s.
      expect(rest.length).toBeLessThanOrEqual(40)
      sent.push(...rest)
      requests[index]?.answer(welcome)
      await settle()
    }
    expect(sent).toEqual(lines)
  })

  it('keeps the bytes of a request below what servers refuse, whatever the characters', async () => {
    const { upstream, requests } = start()
    const line = '€'.repeat(20_000)
    upstream.send(ordered(...Array<string>(12).fill(line)))
    let sent = 0
    for (let index = 0; index < requests.length; index++) {
      const body = requests[index]?.body ?? ''
      expect(new TextEncoder().encode(body).byteLength).toBeLessThan(262_144)
      sent += body.split('\n').length - 1
      requests[index]?.answer(welcome)
      await settle()
    }
    expect(sent).toBe(12)
  })

  it('sends a line that is over the bound all by itself alone rather than never', () => {
    const { upstream, bodies } = start()
    upstream.send(ordered('x'.repeat(200_000), 'next'))
    expect(bodies()[0]).toHaveLength(6 + 200_000)
  })

  it('reports a failed request as the end of the wire, with the code of the server', async () => {
    const { upstream, requests, told } = start()
    upstream.send(ordered('1'))
    requests[0]?.answer(new Response('{"t":"err","code":"unauthorized","msg":"No."}', { status: 401 }))
    await settle()
    expect(told).toEqual(['closed unauthorized'])
  })

  it('repeats a request that got lost, as it was, once the wire has proved that it works', async () => {
    const { upstream, requests, told, bodies } = start()
    upstream.send(ordered('1'))
    requests[0]?.answer(`${welcome}ack 1`)
    await settle()
    upstream.send(ordered('2'))
    requests[1]?.fail()
    await vi.advanceTimersByTimeAsync(250)
    requests[2]?.answer(new Response('Bad gateway', { status: 502 }))
    upstream.send(ordered('3'))
    await vi.advanceTimersByTimeAsync(500)
    requests[3]?.answer(`${welcome}ack 2`)
    await settle()
    expect(bodies()).toEqual(['hello\n1', 'hello\n2', 'hello\n2', 'hello\n2', 'hello\n3'])
    expect(told).toEqual([`text ${welcome}ack 1`, `text ${welcome}ack 2`])
  })

  it('takes the third loss in a row for the end of the wire, and the first one of a wire that never worked', async () => {
    const fresh = start()
    fresh.upstream.send(ordered('1'))
    fresh.requests[0]?.fail()
    await settle()
    expect(fresh.told).toEqual(['closed network'])
    const { upstream, requests, told } = start()
    upstream.send(ordered('1'))
    requests[0]?.answer(`${welcome}ack 1`)
    await settle()
    upstream.send(ordered('2'))
    for (const index of [1, 2, 3]) {
      expect(told).toEqual([`text ${welcome}ack 1`])
      requests[index]?.fail()
      await settle()
      await vi.advanceTimersByTimeAsync(500)
    }
    expect(told).toEqual([`text ${welcome}ack 1`, 'closed network'])
  })

  it('does not repeat after it is closed', async () => {
    const { upstream, requests } = start()
    upstream.send(ordered('1'))
    requests[0]?.answer(`${welcome}ack 1`)
    await settle()
    upstream.send(ordered('2'))
    requests[1]?.fail()
    await settle()
    upstream.close()
    await vi.advanceTimersByTimeAsync(1000)
    expect(requests).toHaveLength(2)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('reports a request without an answer as the end of the wire', async () => {
    const { upstream, told } = start()
    upstream.send(ordered('1'))
    await vi.advanceTimersByTimeAsync(30_000)
    await settle()
    expect(told).toEqual(['closed network'])
  })

  it('leaves nothing pending when it is closed, and says nothing afterwards', async () => {
    const { upstream, requests, told } = start()
    upstream.send([...ordered('1'), ...commands('x', 'y', 'z')])
    upstream.send(ordered('2'))
    upstream.close()
    await settle()
    expect(requests.every(({ init }) => init.signal?.aborted)).toBe(true)
    expect(requests).toHaveLength(3)
    expect(told).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})
