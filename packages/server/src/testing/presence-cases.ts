/** Cases of the broker contract: who is present, how long, and who learns of it. */
import { expect } from 'vitest'
import type { HoldOutcome } from '../broker.ts'
import { DEDUPE_UNITS, type RegisterCase, type Stage } from './stage.ts'

interface Hold {
  readonly member?: string
  readonly holder?: string
  readonly value?: { readonly data: string; readonly sequence: number } | undefined
  readonly units?: number
  readonly maxMembers?: number
}

export function presenceCases(test: RegisterCase): void {
  const shows = (data: string, sequence: number = 1) => ({ value: { data, sequence } })
  const here = shows('"here"')

  function hold(stage: Stage, options: Hold, broker = stage.broker): Promise<HoldOutcome> {
    const { member = 'ann', holder = 'one', value, units = 10, maxMembers = 200 } = options
    return broker.hold(stage.channel, { member, holder, value, leaseMs: stage.units(units) }, { maxMembers })
  }
  async function members(stage: Stage): Promise<string[]> {
    const set = await stage.peer.members(stage.channel)
    return set.members.map(({ member, data }) => `${member} ${data}`).sort()
  }
  const version = async (stage: Stage): Promise<string> => (await stage.broker.members(stage.channel)).version

  test('nobody is present at first', async (stage) => {
    expect(await members(stage)).toEqual([])
  })

  test('a first value is a join', async (stage) => {
    const recorder = await stage.record()
    expect(await hold(stage, here)).toBe('held')
    await recorder.untilChanges(1)
    expect(recorder.changes).toEqual([{ op: 'join', member: 'ann', data: '"here"', version: await version(stage) }])
    expect(await members(stage)).toEqual(['ann "here"'])
  })

  test('another value is an update', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, shows('1', 1))
    await hold(stage, shows('2', 2), stage.peer)
    await recorder.untilChanges(2)
    expect(recorder.presence).toEqual(['join ann 1', 'update ann 2'])
    expect(await members(stage)).toEqual(['ann 2'])
  })

  test('every change has a version of its own, and the set has the last one', async (stage) => {
    const recorder = await stage.record()
    const first = await version(stage)
    await hold(stage, shows('1', 1))
    await hold(stage, shows('2', 2))
    await stage.broker.release(stage.channel, 'ann', 'one', 0)
    await hold(stage, shows('1', 3))
    await recorder.untilChanges(4)
    const versions = [first, ...recorder.changes.map((change) => change.version)]
    expect(new Set(versions).size).toBe(5)
    expect(await version(stage)).toBe(versions.at(-1))
    for (const text of versions) expect(text.length).toBeLessThanOrEqual(64)
  })

  test('the same value again changes nothing', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, here)
    const before = await version(stage)
    expect(await hold(stage, here)).toBe('held')
    expect(await hold(stage, shows('"here"', 2))).toBe('held')
    expect(await version(stage)).toBe(before)
    await hold(stage, shows('"last"', 3))
    await recorder.untilChanges(2)
    expect(recorder.presence).toEqual(['join ann "here"', 'update ann "last"'])
  })

  test('a value that was overtaken is ignored, but renews the lease', async (stage) => {
    await hold(stage, shows('"new"', 5))
    await stage.advance(6)
    expect(await hold(stage, shows('"old"', 4))).toBe('held')
    expect(await hold(stage, shows('"other"', 5))).toBe('held')
    await stage.advance(6)
    expect(await members(stage)).toEqual(['ann "new"'])
  })

  test('the same value under a higher number still outranks what comes late', async (stage) => {
    await hold(stage, shows('"same"', 1))
    await hold(stage, shows('"same"', 3))
    await hold(stage, shows('"late"', 2))
    expect(await members(stage)).toEqual(['ann "same"'])
  })

  test('a lease that nobody renews ends with a leave', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, { ...here, units: 5 })
    await stage.advance(8)
    await recorder.untilChanges(2)
    expect(recorder.presence).toEqual(['join ann "here"', 'leave ann'])
    expect(await members(stage)).toEqual([])
    expect(await version(stage)).toBe(recorder.changes[1]?.version)
  })

  test('a renewed lease goes on', async (stage) => {
    await hold(stage, here)
    for (let times = 0; times < 4; times++) {
      await stage.advance(6)
      expect(await hold(stage, {})).toBe('held')
    }
    expect(await members(stage)).toEqual(['ann "here"'])
  })

  test('there is nothing to renew for somebody who is not present', async (stage) => {
    expect(await hold(stage, {})).toBe('unknown')
    await hold(stage, { ...here, units: 3 })
    await stage.advance(5)
    expect(await hold(stage, {})).toBe('unknown')
    expect(await members(stage)).toEqual([])
  })

  test('a member whose lease ended joins again with the value it had', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, { ...here, units: 3 })
    await stage.advance(5)
    expect(await hold(stage, here)).toBe('held')
    await recorder.untilChanges(3)
    expect(recorder.presence).toEqual(['join ann "here"', 'leave ann', 'join ann "here"'])
  })

  test('a member with two holders stays until the last one lets go', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, here)
    await hold(stage, { ...here, holder: 'two' }, stage.peer)
    await stage.broker.release(stage.channel, 'ann', 'one', 0)
    expect(await members(stage)).toEqual(['ann "here"'])
    await stage.peer.release(stage.channel, 'ann', 'two', 0)
    await recorder.untilChanges(2)
    expect(recorder.presence).toEqual(['join ann "here"', 'leave ann'])
  })

  test('a second holder may take a lease without a value', async (stage) => {
    await hold(stage, here)
    expect(await hold(stage, { holder: 'two' })).toBe('held')
    await stage.broker.release(stage.channel, 'ann', 'one', 0)
    expect(await members(stage)).toEqual(['ann "here"'])
  })

  test('a member stays while the longest of its leases runs', async (stage) => {
    await hold(stage, { ...here, units: 5 })
    await hold(stage, { ...here, holder: 'two', units: 20 })
    await stage.advance(8)
    expect(await members(stage)).toEqual(['ann "here"'])
    await stage.advance(15)
    expect(await members(stage)).toEqual([])
  })

  test('a release with grace leaves time to come back', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, { ...here, units: 100 })
    await stage.broker.release(stage.channel, 'ann', 'one', stage.units(10))
    expect(await members(stage)).toEqual(['ann "here"'])
    expect(await hold(stage, { holder: 'two', units: 100 })).toBe('held')
    await stage.advance(15)
    expect(await members(stage)).toEqual(['ann "here"'])
    expect(recorder.presence).toEqual(['join ann "here"'])
  })

  test('a release with grace ends when the grace does', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, { ...here, units: 100 })
    await stage.broker.release(stage.channel, 'ann', 'one', stage.units(5))
    await stage.advance(8)
    await recorder.untilChanges(2)
    expect(recorder.presence).toEqual(['join ann "here"', 'leave ann'])
  })

  test('a release by somebody who holds nothing is ignored', async (stage) => {
    await hold(stage, here)
    await stage.broker.release(stage.channel, 'ann', 'stranger', 0)
    await stage.broker.release(stage.channel, 'bob', 'one', 0)
    await stage.broker.release(`${stage.channel}-other`, 'ann', 'one', 0)
    expect(await members(stage)).toEqual(['ann "here"'])
  })

  test('a full set takes no new member, but keeps those it has', async (stage) => {
    await hold(stage, { ...here, member: 'ann', maxMembers: 2 })
    await hold(stage, { ...here, member: 'bob', maxMembers: 2 })
    expect(await hold(stage, { ...here, member: 'cem', maxMembers: 2 })).toBe('full')
    expect(await hold(stage, { ...shows('"still"', 2), member: 'ann', maxMembers: 2 })).toBe('held')
    expect(await hold(stage, { ...here, member: 'bob', holder: 'two', maxMembers: 2 })).toBe('held')
    expect(await members(stage)).toEqual(['ann "still"', 'bob "here"'])
    await stage.broker.depart(stage.channel, 'ann', 3)
    expect(await hold(stage, { ...here, member: 'cem', maxMembers: 2 })).toBe('held')
  })

  test('parallel joins do not overfill the set', async (stage) => {
    const brokers = [stage.broker, stage.peer]
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        hold(stage, { ...here, member: `m${index}`, maxMembers: 5 }, brokers[index % 2]),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'held').length).toBe(5)
    expect(outcomes.filter((outcome) => outcome === 'full').length).toBe(15)
    expect((await members(stage)).length).toBe(5)
  })

  test('who departs is gone at once, whatever leases run', async (stage) => {
    const recorder = await stage.record()
    await hold(stage, here)
    await hold(stage, { ...here, holder: 'two' })
    await stage.peer.depart(stage.channel, 'ann', 2)
    await recorder.untilChanges(2)
    expect(recorder.presence).toEqual(['join ann "here"', 'leave ann'])
    expect(await members(stage)).toEqual([])
    expect(await hold(stage, {})).toBe('unknown')
  })

  test('a departure that was overtaken is ignored', async (stage) => {
    await hold(stage, shows('"new"', 5))
    await stage.broker.depart(stage.channel, 'ann', 4)
    expect(await members(stage)).toEqual(['ann "new"'])
  })

  test('a late value does not bring back who departed', async (stage) => {
    await hold(stage, shows('1', 1))
    await stage.broker.depart(stage.channel, 'ann', 3)
    expect(await hold(stage, shows('2', 2))).toBe('unknown')
    expect(await hold(stage, { ...shows('1', 1), holder: 'two' })).toBe('unknown')
    expect(await members(stage)).toEqual([])
  })

  test('a value that comes after its departure does not stay', async (stage) => {
    await stage.broker.depart(stage.channel, 'ann', 2)
    expect(await hold(stage, shows('1', 1))).toBe('unknown')
    expect(await members(stage)).toEqual([])
  })

  test('who departed may join again with a higher number', async (stage) => {
    await hold(stage, shows('1', 1))
    await stage.broker.depart(stage.channel, 'ann', 2)
    expect(await hold(stage, shows('3', 3))).toBe('held')
    expect(await members(stage)).toEqual(['ann 3'])
  })

  test('departures are forgotten in the end', async (stage) => {
    await stage.broker.depart(stage.channel, 'ann', 1_000_000)
    await stage.advance(DEDUPE_UNITS + 2)
    expect(await hold(stage, here)).toBe('held')
  })

  test('departing without being present is not announced', async (stage) => {
    const recorder = await stage.record()
    await stage.broker.depart(stage.channel, 'ghost', 1)
    await hold(stage, here)
    await recorder.untilChanges(1)
    expect(recorder.presence).toEqual(['join ann "here"'])
  })

  test('members may be called anything', async (stage) => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'a:b', 'a|b', '*', '{x}', '1', '%00']
    for (const member of names) expect(await hold(stage, { ...here, member })).toBe('held')
    expect(await members(stage)).toEqual(names.map((member) => `${member} "here"`).sort())
    for (const member of names) await stage.broker.release(stage.channel, member, 'one', 0)
    expect(await members(stage)).toEqual([])
  })

  test('presence leaves the log alone', async (stage) => {
    const { head } = await stage.page()
    await hold(stage, here)
    await stage.broker.depart(stage.channel, 'ann', 2)
    expect((await stage.page({ after: head })).head).toEqual(head)
  })

  test('channels have members of their own', async (stage) => {
    await hold(stage, here)
    expect((await stage.peer.members(`${stage.channel}-other`)).members).toEqual([])
  })
}
