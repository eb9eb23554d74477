import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memory } from '../src/memory-broker.ts'
import { type FakeSocket, HubStage, hello, newSession, type StageOptions } from './hub-stage.ts'

const CHAT = 'chat?roomId=1'

let stages: HubStage[] = []

beforeEach(() => {
  vi.useFakeTimers()
  // The digest of the host takes real time, and none that passes here.
  vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (_algorithm, data) => {
    const bytes = createHash('sha256')
      .update(data as Uint8Array)
      .digest()
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  })
})
afterEach(async () => {
  for (const stage of stages) await stage.close()
  stages = []
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function start(options: StageOptions = {}): HubStage {
  const stage = new HubStage(options)
  stages.push(stage)
  return stage
}

async function pass(ms: number, socket?: FakeSocket): Promise<void> {
  for (let left = ms; left > 0; left -= 9000) {
    await vi.advanceTimersByTimeAsync(Math.min(9000, left))
    socket?.socket.handleAlive()
  }
}

/** Who is present, by member. */
async function present(stage: HubStage): Promise<Record<string, string>> {
  const { members } = await stage.broker.members(CHAT)
  return Object.fromEntries(
    members.map(({ member, data }) => [member, (JSON.parse(data) as { name: string }).name]),
  )
}

describe('a wire that holds the presence of other sessions of its user', () => {
  it('shows them under their own names, for as long as it is open and the grace after it', async () => {
    const stage = start()
    const session = newSession()
    const tab = await stage.connect('ann', { session })
    const [welcome] = await tab.take('welcome')
    tab.leave()
    const shared = await stage.connect('ann')
    shared.send({ t: 'pres', ch: CHAT, n: 3, s: session, d: { name: 'Ann' } })
    await vi.waitFor(async () => expect(await present(stage)).toEqual({ [welcome?.m as string]: 'Ann' }))
    await pass(90_000, shared)
    expect(Object.values(await present(stage))).toEqual(['Ann'])
    shared.leave()
    await pass(9000)
    expect(Object.values(await present(stage))).toEqual(['Ann'])
    await pass(2000)
    expect(await present(stage)).toEqual({})
  })

  it('lets one go after the grace, and that one may come back with the value it had', async () => {
    const stage = start()
    const session = newSession()
    const shared = await stage.connect('ann')
    const shown = { t: 'pres', ch: CHAT, n: 1, s: session, d: { name: 'Ann' } }
    shared.send(shown)
    await vi.waitFor(async () => expect(Object.values(await present(stage))).toEqual(['Ann']))
    shared.send({ t: 'pres', ch: CHAT, n: 1, s: session })
    await pass(9000)
    expect(Object.values(await present(stage))).toEqual(['Ann'])
    await pass(2000)
    expect(await present(stage)).toEqual({})
    shared.send(shown)
    await vi.waitFor(async () => expect(Object.values(await present(stage))).toEqual(['Ann']))
  })

  it('keeps nobody whom it was told to let go while that was still being decided', async () => {
    let decide: () => void = () => {}
    const decided = new Promise<void>((resolve) => {
      decide = resolve
    })
    const stage = start({
      implementations: {
        chat: { authorize: ({ action }) => (action === 'presence' ? decided.then(() => true) : true) },
      },
    })
    const session = newSession()
    const shared = await stage.connect('ann')
    shared.send({ t: 'pres', ch: CHAT, n: 1, s: session, d: { name: 'Ann' } })
    shared.send({ t: 'pres', ch: CHAT, n: 1, s: session })
    await pass(100)
    decide()
    await vi.waitFor(async () => expect(Object.values(await present(stage))).toEqual(['Ann']))
    await pass(15_000)
    expect(await present(stage)).toEqual({})
  })

  it('reaches nothing of another user', async () => {
    const stage = start()
    const session = newSession()
    const bob = await stage.connect('bob', { session })
    bob.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'Bob' } })
    const ann = await stage.connect('ann')
    ann.send({ t: 'pres', ch: CHAT, n: 9, s: session, d: { name: 'Mallory' } })
    await vi.waitFor(async () => expect(Object.values(await present(stage)).sort()).toEqual(['Bob', 'Mallory']))
    ann.send({ t: 'pres', ch: CHAT, n: 9, s: session })
    await pass(15_000)
    expect(Object.values(await present(stage))).toEqual(['Bob'])
  })

  it('holds a bounded number of them', async () => {
    const stage = start({ limits: { burst: 1000, rate: 1000 } })
    const shared = await stage.connect('ann')
    for (let tab = 0; tab < 65; tab++)
      shared.send({ t: 'pres', ch: CHAT, n: 1, s: newSession(), d: { name: `${tab}` } })
    expect(await shared.take('err')).toMatchObject([{ code: 'too_many_members', of: 'pres', ch: CHAT }])
    expect(Object.keys(await present(stage))).toHaveLength(64)
    // Its own has a place, whatever it holds for others.
    shared.send({ t: 'pres', ch: CHAT, n: 1, d: { name: 'own' } })
    await vi.waitFor(async () => expect(Object.values(await present(stage))).toContain('own'))
  })

  it('goes on holding them where its process has slept', async () => {
    const broker = memory()
    const [before, after] = [start({ broker }), start({ broker })]
    const session = newSession()
    const shared = await before.connect('ann')
    shared.send({ t: 'pres', ch: CHAT, n: 1, s: session, d: { name: 'Ann' } })
    await vi.waitFor(async () => expect(Object.values(await present(before))).toEqual(['Ann']))
    const frozen = shared.socket.freeze()
    before.die()
    const revived = await after.revive(frozen)
    await pass(60_000, revived)
    expect(Object.values(await present(after))).toEqual(['Ann'])
    revived.leave()
    await pass(12_000)
    expect(await present(after)).toEqual({})
  })
})

describe('requests of one session', () => {
  it('hold one lease together: not each takes it, none releases it, and it outlasts them by the grace', async () => {
    const stage = start({ limits: { connectionsPerUser: 1000 } })
    const [hold, release] = [vi.spyOn(stage.broker, 'hold'), vi.spyOn(stage.broker, 'release')]
    const session = newSession()
    const shown = { t: 'pres', ch: CHAT, n: 1, d: { name: 'Ann' } }
    for (let count = 0; count < 100; count++) {
      const poll = stage.request('/poll', [hello('ann', session, 0), shown])
      await vi.advanceTimersByTimeAsync(100)
      expect(poll.status).toBe(200)
      expect(Object.values(await present(stage))).toEqual(['Ann'])
    }
    // Ten seconds, in each of which its client was there ten times.
    expect(hold.mock.calls.length).toBeLessThanOrEqual(4)
    expect(release).not.toHaveBeenCalled()
    await pass(9000)
    expect(Object.values(await present(stage))).toEqual(['Ann'])
    await pass(5000)
    expect(await present(stage)).toEqual({})
  })

  it('hold it for as long as one of them is held, and show what changes at once', async () => {
    const stage = start()
    const session = newSession()
    const shown = (n: number, name: string): object => ({ t: 'pres', ch: CHAT, n, d: { name } })
    stage.request('/poll', [hello('ann', session, 25_000), shown(1, 'Ann')])
    await pass(24_000)
    expect(Object.values(await present(stage))).toEqual(['Ann'])
    stage.request('/send', [hello('ann', session), shown(2, 'Anna')])
    await pass(50)
    expect(Object.values(await present(stage))).toEqual(['Anna'])
    stage.request('/send', [hello('ann', session), { t: 'pres', ch: CHAT, n: 3 }])
    await pass(50)
    expect(await present(stage)).toEqual({})
    // What was said before the goodbye is over, whoever says it again.
    stage.request('/poll', [hello('ann', session, 0), shown(2, 'Anna')])
    await pass(50)
    expect(await present(stage)).toEqual({})
    stage.request('/poll', [hello('ann', session, 0), shown(4, 'Ann')])
    await pass(50)
    expect(Object.values(await present(stage))).toEqual(['Ann'])
  })
})
