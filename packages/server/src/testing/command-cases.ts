/** Cases of the broker contract: commands are run by one, and answered to all. */
import { expect } from 'vitest'
import type { CommandReply } from '../broker.ts'
import type { RegisterCase, Stage } from './stage.ts'

export function commandCases(test: RegisterCase): void {
  const reply: CommandReply = { ok: true, data: '{"done":"é"}' }
  const failure: CommandReply = { ok: false, code: 'forbidden', message: 'You may not.' }

  async function fence(stage: Stage, id = 'id', units = 20): Promise<string> {
    const outcome = await stage.broker.claim(stage.channel, id, stage.units(units))
    if (outcome.status !== 'claimed') throw new Error(`Expected "claimed", got ${JSON.stringify(outcome)}.`)
    return outcome.fence
  }
  const settle = (
    stage: Stage,
    by: string,
    what: CommandReply = reply,
    units = 20,
    broker = stage.broker,
  ): Promise<void> => broker.settle(stage.channel, 'id', by, what, stage.units(units))

  test('the first claim gets the command, the next one is told that it runs', async (stage) => {
    await fence(stage)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'running' })
  })

  test('of parallel claims exactly one gets the command', async (stage) => {
    const brokers = [stage.broker, stage.peer]
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (brokers[index % 2] ?? stage.broker).claim(stage.channel, 'id', stage.units(20)),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'claimed').length).toBe(1)
    expect(outcomes.filter(({ status }) => status === 'running').length).toBe(19)
  })

  test('commands with other ids, and in other channels, are other commands', async (stage) => {
    const fences = [await fence(stage, 'id'), await fence(stage, 'other'), await fence(stage, '__proto__')]
    const elsewhere = await stage.broker.claim(`${stage.channel}-other`, 'id', stage.units(20))
    expect(elsewhere.status).toBe('claimed')
    expect(new Set(fences).size).toBe(3)
  })

  test('a settled command answers every later claim with its reply', async (stage) => {
    await settle(stage, await fence(stage))
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'settled', reply })
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'settled', reply })
  })

  test('an error is a reply like any other', async (stage) => {
    await settle(stage, await fence(stage), failure)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual({
      status: 'settled',
      reply: failure,
    })
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(20))).toEqual(failure)
  })

  test('a reply is forgotten after its time, and the command may run again', async (stage) => {
    await settle(stage, await fence(stage), reply, 10)
    await stage.advance(5)
    expect((await stage.broker.claim(stage.channel, 'id', stage.units(20))).status).toBe('settled')
    await stage.advance(8)
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(20))).toBeUndefined()
    expect((await stage.broker.claim(stage.channel, 'id', stage.units(20))).status).toBe('claimed')
  })

  test('replies are remembered each for its own time', async (stage) => {
    for (const [id, units] of [
      ['long', 100],
      ['short', 5],
    ] as const) {
      await stage.broker.settle(stage.channel, id, await fence(stage, id), reply, stage.units(units))
    }
    await stage.advance(8)
    expect(await stage.peer.settled(stage.channel, 'long', 0)).toEqual(reply)
    expect(await stage.peer.settled(stage.channel, 'short', 0)).toBeUndefined()
    await fence(stage, 'short')
  })

  test('a reply outlives the claim it settled', async (stage) => {
    await settle(stage, await fence(stage, 'id', 5), reply, 20)
    await stage.advance(10)
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(5))).toEqual({ status: 'settled', reply })
  })

  test('a claim that lapsed may be claimed again, with another fence', async (stage) => {
    const first = await fence(stage, 'id', 5)
    await stage.advance(8)
    const second = await fence(stage, 'id', 20)
    expect(second).not.toBe(first)
  })

  test('a reply under the fence of a claim that lapsed is ignored', async (stage) => {
    const first = await fence(stage, 'id', 5)
    await stage.advance(8)
    await settle(stage, first)
    const second = await fence(stage)
    await settle(stage, first, failure)
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'running' })
    await settle(stage, second)
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'settled', reply })
  })

  test('a claim that is renewed does not lapse', async (stage) => {
    const current = await fence(stage, 'id', 10)
    const wait = stage.peer.settled(stage.channel, 'id', stage.units(1_000_000))
    for (let times = 0; times < 3; times++) {
      await stage.advance(6)
      await stage.broker.renew(stage.channel, 'id', current, stage.units(10))
    }
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(10))).toEqual({ status: 'running' })
    await settle(stage, current)
    expect(await wait).toEqual(reply)
  })

  test('a claim that is no longer renewed lapses, and wakes who waits', async (stage) => {
    const current = await fence(stage, 'id', 10)
    const wait = stage.peer.settled(stage.channel, 'id', stage.units(1_000_000))
    await stage.broker.renew(stage.channel, 'id', current, stage.units(5))
    await stage.advance(8)
    expect(await wait).toBeUndefined()
    await fence(stage)
  })

  test('renewing under a fence that is no longer the current one is ignored', async (stage) => {
    await stage.broker.renew(stage.channel, 'id', 'invented', stage.units(20))
    const first = await fence(stage, 'id', 5)
    await stage.advance(8)
    await stage.broker.renew(stage.channel, 'id', first, stage.units(1_000_000))
    const second = await fence(stage, 'id', 5)
    await stage.broker.renew(stage.channel, 'id', first, stage.units(1_000_000))
    await stage.advance(8)
    const third = await fence(stage, 'id', 20)
    await settle(stage, third)
    await stage.broker.renew(stage.channel, 'id', third, stage.units(1_000_000))
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'settled', reply })
    expect(new Set([first, second, third]).size).toBe(3)
  })

  test('only the first reply under a fence counts', async (stage) => {
    const current = await fence(stage)
    await settle(stage, current)
    await settle(stage, current, failure)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'settled', reply })
  })

  test('a reply under a fence nobody was given is ignored', async (stage) => {
    await settle(stage, 'invented')
    await fence(stage)
    await settle(stage, 'invented')
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual({ status: 'running' })
  })

  test('who waits for a reply gets it when it comes', async (stage) => {
    const current = await fence(stage, 'id', 100)
    const waits = [stage.broker, stage.peer, stage.peer].map((broker) =>
      broker.settled(stage.channel, 'id', stage.units(100)),
    )
    await settle(stage, current)
    expect(await Promise.all(waits)).toEqual([reply, reply, reply])
  })

  test('who asks after the reply came gets it at once', async (stage) => {
    await settle(stage, await fence(stage))
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(20))).toEqual(reply)
    expect(await stage.peer.settled(stage.channel, 'id', 0)).toEqual(reply)
  })

  test('who waits learns that the claim lapsed', async (stage) => {
    await fence(stage, 'id', 5)
    const wait = stage.peer.settled(stage.channel, 'id', stage.units(1_000_000))
    await stage.advance(8)
    expect(await wait).toBeUndefined()
  })

  test('who waits waits no longer than asked', async (stage) => {
    const current = await fence(stage, 'id', 1_000_000)
    const wait = stage.peer.settled(stage.channel, 'id', stage.units(5))
    await stage.advance(8)
    expect(await wait).toBeUndefined()
    expect(await stage.peer.settled(stage.channel, 'id', 0)).toBeUndefined()
    await settle(stage, current)
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(5))).toEqual(reply)
  })

  test('there is nothing to wait for where nobody claimed', async (stage) => {
    expect(await stage.broker.settled(stage.channel, 'id', stage.units(1_000_000))).toBeUndefined()
  })

  test('one wait does not hear the reply of another command', async (stage) => {
    const current = await fence(stage, 'id', 1_000_000)
    await fence(stage, 'other', 1_000_000)
    const other = stage.peer.settled(stage.channel, 'other', stage.units(5))
    await settle(stage, current)
    await stage.advance(8)
    expect(await other).toBeUndefined()
  })
}
