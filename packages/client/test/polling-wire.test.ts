import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPolling } from '../src/polling-wire.ts'
import { createFakeFetch, createRecorder, createSource, settle } from './fake-fetch.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function start() {
  const { fetch, requests } = createFakeFetch()
  const { told, listener } = createRecorder()
  const wire = openPolling({
    url: 'https://x.test/rt',
    source: createSource(),
    listener,
    fetch,
    webSocket: undefined,
  })
  return { wire, requests, told, bodies: () => requests.map(({ body }) => body) }
}

/** An answer as servers give it: the welcome, then the rest. */
function welcome(rest: string): string {
  return `{"t":"welcome"} ${rest}`
}

describe('the polling wire', () => {
  it('does not let the first poll wait, because it is the sign that this wire works, and holds the others', async () => {
    const { requests, told, bodies } = start()
    expect(requests[0]?.url).toBe('https://x.test/rt/poll')
    requests[0]?.answer(welcome('first'))
    await settle()
    requests[1]?.answer(welcome('second'))
    await settle()
    expect(bodies()).toEqual(['opening 1 wait 0', 'opening 2 wait 25000', 'opening 3 wait 25000'])
    expect(told).toEqual([`text ${welcome('first')}`, `text ${welcome('second')}`])
  })

  it('takes an answer without a welcome for that of a proxy, and ends instead of asking for ever', async () => {
    const { requests, told } = start()
    requests[0]?.answer(welcome('first'))
    await settle()
    for (const index of [1, 2, 3]) {
      requests[index]?.answer('<html>Sign in to the network</html>')
      await settle()
      await vi.advanceTimersByTimeAsync(500)
    }
    expect(told).toEqual([`text ${welcome('first')}`, expect.stringContaining('closed network')])
    expect(requests).toHaveLength(4)
  })

  it('asks again, with the same cursors, when an answer got lost', async () => {
    const { requests, told, bodies } = start()
    requests[0]?.answer(welcome('first'))
    await settle()
    requests[1]?.fail()
    await settle()
    await vi.advanceTimersByTimeAsync(250)
    requests[2]?.answer(welcome('second'))
    await settle()
    expect(told).toEqual([`text ${welcome('first')}`, `text ${welcome('second')}`])
    expect(bodies().slice(1, 3)).toEqual(['opening 2 wait 25000', 'opening 3 wait 25000'])
  })

  it('has one poll outstanding', async () => {
    const { requests } = start()
    await settle()
    expect(requests).toHaveLength(1)
  })

  it('asks with what has been delivered, because the next poll begins after the handing out', async () => {
    const { fetch, requests } = createFakeFetch()
    let seen = 0
    const wire = openPolling({
      url: 'https://x.test/rt',
      source: { opening: () => `seen ${seen}`, hello: () => 'hello', changes: () => [] },
      listener: { handleReady() {}, handleClosed() {}, handleText: () => void seen++ },
      fetch,
      webSocket: undefined,
    })
    requests[0]?.answer(welcome(''))
    await settle()
    expect(requests[1]?.body).toBe('seen 1')
    wire.close()
  })

  it('asks anew at once when the set of channels changes, and has an answer at once', async () => {
    const { wire, requests, told, bodies } = start()
    requests[0]?.answer(welcome('first'))
    await settle()
    wire.change()
    await settle()
    expect(requests[1]?.init.signal?.aborted).toBe(true)
    expect(bodies()).toEqual(['opening 1 wait 0', 'opening 2 wait 25000', 'opening 3 wait 0'])
    expect(told).toEqual([`text ${welcome('first')}`])
    requests[2]?.answer(welcome('third'))
    await settle()
    expect(bodies()[3]).toBe('opening 4 wait 25000')
  })

  it('still does not let the first poll wait when the set changes before it is answered', async () => {
    const { wire, bodies } = start()
    wire.change()
    await settle()
    expect(bodies()).toEqual(['opening 1 wait 0', 'opening 2 wait 0'])
  })

  it('waits ten seconds longer than the hold, and then counts as dead', async () => {
    const { requests, told } = start()
    requests[0]?.answer(welcome('first'))
    await settle()
    await vi.advanceTimersByTimeAsync(34_999)
    await settle()
    expect(told).toEqual([`text ${welcome('first')}`])
    await vi.advanceTimersByTimeAsync(1)
    await settle()
    expect(told).toEqual([`text ${welcome('first')}`, 'closed network'])
    expect(requests).toHaveLength(2)
  })

  it.each([
    [400, '{"t":"err","code":"bad_version","msg":"No."}', 'closed bad_version'],
    [401, '{"t":"err","code":"unauthorized","msg":"No."}', 'closed unauthorized'],
    [503, '{"t":"err","code":"draining","msg":"No.","retry":1000}', 'closed draining 1000'],
    [502, 'Bad gateway', 'closed network'],
  ])('ends with the code of a status %i', async (status, line, expected) => {
    const { requests, told } = start()
    requests[0]?.answer(new Response(line, { status }))
    await settle()
    expect(told).toEqual([expected])
    expect(requests).toHaveLength(1)
  })

  it('says nothing more once it is closed, and leaves nothing pending', async () => {
    const { wire, requests, told } = start()
    wire.send([{ text: 'pub', lane: 'ordered' }])
    wire.close()
    await settle()
    expect(requests.every(({ init }) => init.signal?.aborted)).toBe(true)
    expect(requests).toHaveLength(2)
    expect(told).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not ask again when it is closed while its text is handed out', async () => {
    const { fetch, requests } = createFakeFetch()
    const wire = openPolling({
      url: 'https://x.test/rt',
      source: createSource(),
      listener: { handleReady() {}, handleClosed() {}, handleText: () => wire.close() },
      fetch,
      webSocket: undefined,
    })
    requests[0]?.answer(welcome('text'))
    await settle()
    expect(requests).toHaveLength(1)
  })
})
