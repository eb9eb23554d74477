import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPolling } from '../src/polling-wire.ts'
import { connectionsAreScarce, takeSlot } from '../src/slots.ts'
import { openSse } from '../src/sse-wire.ts'
import { createFakeFetch, createRecorder, createSource, settle } from './fake-fetch.ts'

/** Web Locks as far as they are used: granted at once or not at all, and held until the promise is settled. */
class FakeLocks {
  readonly held = new Set<string>()

  async request(
    name: string,
    _options: object,
    hold: (lock: object | null) => Promise<void> | undefined,
  ): Promise<void> {
    await Promise.resolve()
    if (this.held.has(name)) return hold(null)
    this.held.add(name)
    await hold({ name })
    this.held.delete(name)
  }
}

const URL = 'https://x.test/rt'

let locks: FakeLocks
let protocol: string

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  locks = new FakeLocks()
  protocol = 'http/1.1'
  vi.stubGlobal('navigator', { locks })
  vi.stubGlobal('location', { href: 'https://x.test/' })
  vi.stubGlobal('performance', { getEntriesByType: () => [{ nextHopProtocol: protocol }] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** Opens a wire beside others that hold so many slots. */
async function openBeside(taken: number, open: typeof openPolling) {
  const others = await Promise.all(Array.from({ length: taken }, () => takeSlot(URL)))
  const { fetch, requests } = createFakeFetch()
  const { told, listener } = createRecorder()
  const wire = open({ url: URL, source: createSource(), listener, fetch, webSocket: undefined })
  await settle()
  return { others, requests, told, wire, bodies: () => requests.map(({ body }) => body) }
}

describe('the connections of a browser', () => {
  it.each([
    ['h2', false],
    ['h3', false],
    ['http/1.1', true],
    ['', true],
  ])('over %j are scarce: %s', (name, scarce) => {
    protocol = name
    expect(connectionsAreScarce()).toBe(scarce)
  })

  it('are not scarce without locks to share them by, and not outside browsers', () => {
    vi.stubGlobal('navigator', {})
    expect(connectionsAreScarce()).toBe(false)
    vi.stubGlobal('navigator', { locks })
    vi.stubGlobal('location', undefined)
    expect(connectionsAreScarce()).toBe(false)
  })

  it('are held by four at a time, per server, and given back', async () => {
    const slots = await Promise.all([1, 2, 3, 4, 5].map(() => takeSlot(URL)))
    expect(slots.filter((release) => release !== undefined)).toHaveLength(4)
    expect(await takeSlot('https://other.test/rt')).toBeDefined()
    slots.find((release) => release !== undefined)?.()
    await settle()
    expect(await takeSlot(URL)).toBeDefined()
  })

  it('may be held by everybody where locks are forbidden', async () => {
    vi.stubGlobal('navigator', { locks: { request: () => Promise.reject(new DOMException('no')) } })
    expect(await takeSlot(URL)).toBeDefined()
  })
})

describe('a stream of one tab too many', () => {
  it('is not opened: another wire has to do', async () => {
    const { requests, told } = await openBeside(4, openSse)
    expect(requests).toEqual([])
    expect(told).toEqual([expect.stringContaining('closed network')])
  })

  it('is opened with the last slot, and gives it back when it is closed', async () => {
    const { requests, told, wire } = await openBeside(3, openSse)
    expect(requests).toHaveLength(1)
    expect(told).toEqual([])
    expect(locks.held.size).toBe(4)
    wire.close()
    await settle()
    expect(locks.held.size).toBe(3)
  })

  it('that is closed while it asks for a slot opens nothing and keeps none', async () => {
    const { fetch, requests } = createFakeFetch()
    const { listener } = createRecorder()
    openSse({ url: URL, source: createSource(), listener, fetch, webSocket: undefined }).close()
    await settle()
    expect(requests).toEqual([])
    expect(locks.held.size).toBe(0)
  })
})

describe('the polls of one tab too many', () => {
  it('are not held but come every two seconds, until a slot is free', async () => {
    const { others, requests, bodies } = await openBeside(4, openPolling)
    requests[0]?.answer('{"t":"welcome"}')
    await settle()
    expect(requests).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2000)
    requests[1]?.answer('{"t":"welcome"}')
    others[0]?.()
    await settle()
    await vi.advanceTimersByTimeAsync(2000)
    expect(bodies()).toEqual(['opening 1 wait 0', 'opening 2 wait 0', 'opening 3 wait 25000'])
  })

  it('come at once when the set of channels changes', async () => {
    const { requests, wire } = await openBeside(4, openPolling)
    requests[0]?.answer('{"t":"welcome"}')
    await settle()
    wire.change()
    await settle()
    expect(requests).toHaveLength(2)
  })

  it('leave no timer and ask no more once the wire is closed', async () => {
    const { requests, wire } = await openBeside(4, openPolling)
    requests[0]?.answer('{"t":"welcome"}')
    await settle()
    wire.close()
    await settle()
    expect(vi.getTimerCount()).toBe(0)
    expect(requests).toHaveLength(1)
  })
})
