/** Cases of the broker contract: commands are run by one, and answered to all. */
import { expect } from 'vitest'
import type { CommandReply } from '../broker.ts'
import type { RegisterCase, Stage } from './stage.ts'

export function commandCases(test: RegisterCase): void {
  const reply: CommandReply = { ok: true, data: '{"done":"é"}', at: 'e:7:t7' }
  const settled = { status: 'settled', reply }
  const running = { status: 'running' }
  const lapsed = { status: 'lapsed' }
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
  ): Promise<boolean> => broker.settle(stage.channel, 'id', by, what, stage.units(units))

  test('the first claim gets the command, the next one is told that it runs', async (stage) => {
    await fence(stage)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual(running)
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
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual(settled)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual(settled)
  })

  test('an error is a reply like any other', async (stage) => {
    await settle(stage, await fence(stage), failure)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual({
      status: 'settled',
      reply: failure,
    })
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(20))).toEqual({
      status: 'settled',
      reply: failure,
    })
  })

  test('a reply is forgotten after its time, and the command may run again', async (stage) => {
    await settle(stage, await fence(stage), reply, 10)
    await stage.advance(5)
    expect((await stage.broker.claim(stage.channel, 'id', stage.units(20))).status).toBe('settled')
    await stage.advance(8)
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(20))).toEqual(lapsed)
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
    expect(await stage.peer.settled(stage.channel, 'long', 0)).toEqual(settled)
    expect(await stage.peer.settled(stage.channel, 'short', 0)).toEqual(lapsed)
    await fence(stage, 'short')
  })

  test('a reply outlives the claim it settled', async (stage) => {
    await settle(stage, await fence(stage, 'id', 5), reply, 20)
    await stage.advance(10)
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(5))).toEqual(settled)
  })

  test('a claim that lapsed may be claimed again, with another fence', async (stage) => {
    const first = await fence(stage, 'id', 5)
    await stage.advance(8)
    const second = await fence(stage, 'id', 20)
    expect(second).not.toBe(first)
  })

  test('a reply under the fence of a claim that lapsed is not recorded, and says so', async (stage) => {
    const first = await fence(stage, 'id', 5)
    await stage.advance(8)
    expect(await settle(stage, first)).toBe(false)
    const second = await fence(stage)
    expect(await settle(stage, first, failure)).toBe(false)
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual(running)
    expect(await settle(stage, second)).toBe(true)
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual(settled)
  })

  test('a claim that is renewed does not lapse', async (stage) => {
    const current = await fence(stage, 'id', 10)
    const wait = stage.peer.settled(stage.channel, 'id', stage.units(1_000_000))
    for (let times = 0; times < 3; times++) {
      await stage.advance(6)
      expect(await stage.broker.renew(stage.channel, 'id', current, stage.units(10))).toBe(true)
    }
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(10))).toEqual(running)
    await settle(stage, current)
    expect(await wait).toEqual(settled)
  })

  test('a claim that is no longer renewed lapses, and who waits learns of it', async (stage) => {
    const current = await fence(stage, 'id', 10)
    const wait = stage.peer.settled(stage.channel, 'id', stage.units(1_000_000))
    await stage.broker.renew(stage.channel, 'id', current, stage.units(5))
    await stage.advance(8)
    expect(await wait).toEqual(lapsed)
    await fence(stage)
  })

  test('renewing under a fence that is no longer the current one changes nothing, and says so', async (stage) => {
    expect(await stage.broker.renew(stage.channel, 'id', 'invented', stage.units(20))).toBe(false)
    const first = await fence(stage, 'id', 5)
    await stage.advance(8)
    expect(await stage.broker.renew(stage.channel, 'id', first, stage.units(1_000_000))).toBe(false)
    const second = await fence(stage, 'id', 5)
    expect(await stage.broker.renew(stage.channel, 'id', first, stage.units(1_000_000))).toBe(false)
    await stage.advance(8)
    const third = await fence(stage, 'id', 20)
    await settle(stage, third)
    expect(await stage.broker.renew(stage.channel, 'id', third, stage.units(1_000_000))).toBe(false)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual(settled)
    expect(new Set([first, second, third]).size).toBe(3)
  })

  test('only the first reply under a fence counts', async (stage) => {
    const current = await fence(stage)
    expect(await settle(stage, current)).toBe(true)
    expect(await settle(stage, current, failure)).toBe(false)
    expect(await stage.peer.claim(stage.channel, 'id', stage.units(20))).toEqual(settled)
  })

  test('a reply under a fence nobody was given is not recorded, and says so', async (stage) => {
    expect(await settle(stage, 'invented')).toBe(false)
    await fence(stage)
    expect(await settle(stage, 'invented')).toBe(false)
    expect(await stage.broker.claim(stage.channel, 'id', stage.units(20))).toEqual(running)
  })

  test('who waits for a reply gets it when it comes', async (stage) => {
    const current = await fence(stage, 'id', 100)
    const waits = [stage.broker, stage.peer, stage.peer].map((broker) =>
      broker.settled(stage.channel, 'id', stage.units(100)),
    )
    await settle(stage, current)
    expect(await Promise.all(waits)).toEqual([settled, settled, settled])
  })

  test('who asks after the reply came gets it at once', async (stage) => {
    await settle(stage, await fence(stage))
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(20))).toEqual(settled)
    expect(await stage.peer.settled(stage.channel, 'id', 0)).toEqual(settled)
  })

  test('who waits waits no longer than asked', async (stage) => {
    const current = await fence(stage, 'id', 1_000_000)
    const wait = stage.peer.settled(stage.channel, 'id', stage.units(5))
    await stage.advance(8)
    expect(await wait).toEqual(running)
    expect(await stage.peer.settled(stage.channel, 'id', 0)).toEqual(running)
    await settle(stage, current)
    expect(await stage.peer.settled(stage.channel, 'id', stage.units(5))).toEqual(settled)
  })

  test('there is nothing to wait for where nobody claimed', async (stage) => {
    expect(await stage.broker.settled(stage.channel, 'id', stage.units(1_000_000))).toEqual(lapsed)
  })

  test('one wait does not hear the reply of another command', async (stage) => {
    const current = await fence(stage, 'id', 1_000_000)
    await fence(stage, 'other', 1_000_000)
    const other = stage.peer.settled(stage.channel, 'other', stage.units(5))
    await settle(stage, current)
    await stage.advance(8)
    expect(await other).toEqual(running)
  })
}
