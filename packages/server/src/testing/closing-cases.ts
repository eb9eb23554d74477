/** Cases of the broker contract: names that try to escape, and the end. */
import { TriwireError } from '@triwire/protocol'
import { expect } from 'vitest'
import { Recorder } from './recorder.ts'
import type { RegisterCase, Stage } from './stage.ts'

export function closingCases(test: RegisterCase): void {
  const member = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 } }

  /** Names that mean something to JavaScript, Redis, NATS, SQL or a file system, and pairs that differ barely. */
  function hostileNames(stage: Stage): string[] {
    const own = stage.channel
    const values = [
      'a',
      'A',
      'a%20b',
      'a b',
      'a%2Fb',
      'a/b',
      '%2E%2E',
      '..',
      '.',
      'a.b',
      'a.*',
      'a.>',
      '*',
      '>',
      '{tag}',
      '{',
      '}',
    ]
    values.push(
      'a:b',
      'a:b:c',
      ':',
      '::',
      '$SYS.>',
      '%',
      '%%',
      '%25',
      'é',
      'e\u0301',
      '\u0000',
      'a\r\nb',
      "a' OR 1=1",
      'a"b',
      'a_b',
    )
    const bare = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'log', 'presence', '_control']
    return [...bare.map((name) => `${name}?own=${own}`), ...bare, ...values.map((value) => `${own}&v=${value}`)]
  }

  test('no two names share a log', async (stage) => {
    const names = hostileNames(stage)
    const before = new Map<string, number>()
    for (const name of names) before.set(name, (await stage.broker.read(name, { limit: 1, bytes: 1 })).head.offset)
    for (const name of names) {
      const append = { event: 'said', data: JSON.stringify(name), history: stage.history() }
      expect((await stage.broker.append(name, append)).status).toBe('appended')
    }
    for (const name of names) {
      const result = await stage.peer.read(name, { tail: 1, limit: 10, bytes: 1024 })
      if (result.status !== 'page') throw new Error(`Expected a page of ${JSON.stringify(name)}.`)
      expect(result.entries.map(({ data }) => JSON.parse(data) as unknown)).toEqual([name])
      const first = result.entries[0]
      expect(first?.prev ?? result.head.offset - 1).toBe(before.get(name))
    }
  })

  test('no two names share subscriptions or signals', async (stage) => {
    const names = hostileNames(stage)
    const recorders = new Map<string, Recorder>()
    for (const name of names) {
      const recorder = new Recorder()
      recorders.set(name, recorder)
      await stage.peer.subscribe(name, recorder)
    }
    for (const name of names) {
      const data = JSON.stringify(name)
      await stage.broker.append(name, { event: 'said', data, history: stage.history() })
      await stage.broker.signal(name, { event: 'typing', key: undefined, member: undefined, data })
    }
    for (const [name, recorder] of recorders) {
      await recorder.until(`both of ${name}`, ({ entries, signals }) => entries.length > 0 && signals.length > 0)
      expect([...recorder.data, ...recorder.signals.map(({ data }) => data)]).toEqual([
        JSON.stringify(name),
        JSON.stringify(name),
      ])
    }
  })

  test('no two names share members, producers, keys or commands', async (stage) => {
    const names = hostileNames(stage)
    const id = `id-${stage.channel}`
    for (const name of names) {
      const append = { event: 'said', data: '1', history: stage.history() }
      const producer = { id, sequence: 1, lowest: 1 }
      expect((await stage.broker.append(name, { ...append, producer })).status).toBe('appended')
      expect((await stage.broker.append(name, { ...append, once: id })).status).toBe('appended')
      expect((await stage.broker.claim(name, id, stage.units(20))).status).toBe('claimed')
      const before = (await stage.broker.members(name)).members.length
      const held = await stage.broker.hold(
        name,
        { ...member, member: id, leaseMs: stage.units(100) },
        { maxMembers: 200 },
      )
      expect(held).toBe('held')
      expect((await stage.broker.members(name)).members.length).toBe(before + 1)
    }
  })

  test('an address of 255 bytes is an address', async (stage) => {
    const name = `${stage.channel}&v=`.padEnd(254, 'x')
    for (const channel of [`${name}1`, `${name}2`]) {
      await stage.broker.append(channel, { event: 'said', data: JSON.stringify(channel), history: stage.history() })
    }
    const result = await stage.peer.read(`${name}1`, { tail: 10, limit: 10, bytes: 1024 })
    expect(result.status === 'page' && result.entries.map(({ data }) => data)).toEqual([JSON.stringify(`${name}1`)])
  })

  test('closing ends every wait', async (stage) => {
    await stage.broker.claim(stage.channel, 'id', stage.units(1_000_000))
    const wait = stage.broker.settled(stage.channel, 'id', stage.units(1_000_000)).catch((error: unknown) => error)
    await stage.broker.close()
    const end = await wait
    if (end instanceof TriwireError) expect(end.code).toBe('unavailable')
    else expect(end).toEqual({ status: 'running' })
  })

  test('nobody is told anything after closing', async (stage) => {
    const recorder = await stage.record(stage.broker)
    await stage.broker.hold(stage.channel, { ...member, leaseMs: stage.units(3) }, { maxMembers: 200 })
    await recorder.untilChanges(1)
    await stage.broker.close()
    const { calls } = recorder
    await stage.append('late').catch(() => undefined)
    if (stage.peer !== stage.broker) await stage.append('elsewhere', {}, stage.peer)
    await stage.advance(6)
    expect(recorder.calls).toBe(calls)
  })

  test('after closing every operation is harmless, or rejects as unavailable', async (stage) => {
    const { broker, channel } = stage
    const subscription = await broker.subscribe(channel, new Recorder())
    await broker.close()
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    const outcomes = await Promise.allSettled([
      stage.append('late'),
      broker.refuse(channel, producer, 'forbidden'),
      stage.read({ tail: 1 }),
      broker.subscribe(channel, new Recorder()),
      broker.signal(channel, { event: 'typing', key: undefined, member: undefined, data: '1' }),
      broker.hold(channel, { ...member, leaseMs: stage.units(5) }, { maxMembers: 200 }),
      broker.release(channel, 'ann', 'one', 0),
      broker.depart(channel, 'ann', 1),
      broker.members(channel),
      broker.claim(channel, 'id', stage.units(5)),
      broker.renew(channel, 'id', 'fence', stage.units(5)),
      broker.settle(channel, 'id', 'fence', { ok: true, data: '1' }, stage.units(5)),
      broker.settled(channel, 'id', stage.units(5)),
      subscription.close(),
      broker.close(),
    ])
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue
      expect(outcome.reason).toBeInstanceOf(TriwireError)
      expect((outcome.reason as TriwireError).code).toBe('unavailable')
    }
    expect(outcomes[0]?.status).toBe('rejected')
  })

  test('closing leaves no timer behind', async (stage) => {
    const { timers } = stage.harness
    if (timers === undefined) return stage.skip('the harness cannot count timers')
    const { broker, channel } = stage
    await stage.appendCount(3)
    await broker.subscribe(channel, new Recorder())
    await broker.hold(channel, { ...member, leaseMs: stage.units(5) }, { maxMembers: 200 })
    await broker.claim(channel, 'id', stage.units(5))
    const wait = broker.settled(channel, 'id', stage.units(5)).catch(() => undefined)
    expect(timers()).toBeGreaterThan(0)
    await broker.close()
    await wait
    expect(timers()).toBe(0)
    await broker.read(channel, { limit: 1, bytes: 1 }).catch(() => undefined)
    expect(timers()).toBe(0)
  })
}
