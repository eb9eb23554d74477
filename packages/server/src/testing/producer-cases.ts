/** Cases of the broker contract: what makes an append happen once. */
import { expect } from 'vitest'
import { DEDUPE_UNITS, type RegisterCase, type Stage, values } from './stage.ts'

export function producerCases(test: RegisterCase): void {
  const by = (sequence: number, lowest: number = sequence, id = 'ann.session') => ({
    producer: { id, sequence, lowest },
  })
  const logged = async (stage: Stage): Promise<unknown[]> => values((await stage.page({ tail: 1000 })).entries)

  test('without an identity every call appends', async (stage) => {
    await stage.appended('same')
    await stage.appended('same')
    expect(await logged(stage)).toEqual(['same', 'same'])
  })

  test('a producer appends in sequence', async (stage) => {
    for (const sequence of [1, 2, 3]) await stage.appended(sequence, by(sequence))
    expect(await logged(stage)).toEqual([1, 2, 3])
  })

  test('a repeated sequence is a duplicate and gets the cursor of the first time', async (stage) => {
    const cursor = await stage.appended('first', by(1))
    expect(await stage.append('first', by(1), stage.peer)).toEqual({ status: 'duplicate', cursor })
    expect(await logged(stage)).toEqual(['first'])
  })

  test('an older sequence is a duplicate, with its own cursor', async (stage) => {
    const cursors = []
    for (const sequence of [1, 2, 3, 4, 5]) cursors.push(await stage.appended(sequence, by(sequence, 1)))
    for (const sequence of [2, 4, 1]) {
      expect(await stage.append(sequence, by(sequence, 1))).toEqual({
        status: 'duplicate',
        cursor: cursors[sequence - 1],
      })
    }
  })

  test('a sequence so old that its cursor is forgotten is still a duplicate', async (stage) => {
    const first = await stage.appended(1, by(1))
    for (let sequence = 2; sequence <= 600; sequence++) await stage.appended(sequence, by(sequence, 1))
    const outcome = await stage.append('late', by(1))
    expect([
      { status: 'duplicate', cursor: undefined },
      { status: 'duplicate', cursor: first },
    ]).toContainEqual(outcome)
    expect((await logged(stage)).length).toBe(600)
  })

  test('a sequence that skips one is refused, with the number that is expected', async (stage) => {
    await stage.appended(1, by(1))
    expect(await stage.append(3, by(3, 1))).toEqual({ status: 'sequence_gap', expected: 2 })
    await stage.appended(2, by(2, 1))
    await stage.appended(3, by(3, 1))
    expect(await logged(stage)).toEqual([1, 2, 3])
  })

  test('a producer nobody knows begins at the lowest sequence it has no answer for', async (stage) => {
    await stage.appended('seventh', by(7, 7))
    await stage.appended('eighth', by(8, 7))
    expect(await logged(stage)).toEqual(['seventh', 'eighth'])
  })

  test('a producer nobody knows is sent back to its lowest sequence', async (stage) => {
    expect(await stage.append('ninth', by(9, 7))).toEqual({ status: 'sequence_gap', expected: 7 })
    expect(await logged(stage)).toEqual([])
  })

  test('the lowest sequence without an answer is never a gap, whatever the broker remembers', async (stage) => {
    await stage.appended('third', by(3))
    expect(await stage.append('ninth', by(9, 7))).toEqual({ status: 'sequence_gap', expected: 7 })
    await stage.appended('seventh', by(7, 7))
    await stage.appended('eighth', by(8, 7))
    expect((await stage.append('third', by(3))).status).toBe('duplicate')
    expect(await logged(stage)).toEqual(['third', 'seventh', 'eighth'])
  })

  test('a sequence that was never seen is never called a duplicate', async (stage) => {
    await stage.appended('first', by(1))
    expect(await stage.append('third', by(3, 5))).toEqual({ status: 'sequence_gap', expected: 5 })
  })

  test('parallel repetitions append once and agree on the cursor', async (stage) => {
    const brokers = [stage.broker, stage.peer]
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => stage.append('once', by(1), brokers[index % 2])),
    )
    expect(outcomes.filter(({ status }) => status === 'appended').length).toBe(1)
    expect(outcomes.filter(({ status }) => status === 'duplicate').length).toBe(19)
    expect(new Set(outcomes.map((outcome) => JSON.stringify('cursor' in outcome && outcome.cursor))).size).toBe(1)
    expect(await logged(stage)).toEqual(['once'])
  })

  test('producers do not share sequences', async (stage) => {
    await stage.appended('ann', by(1, 1, 'ann'))
    await stage.appended('bob', by(1, 1, 'bob'))
    await stage.appended('proto', by(1, 1, '__proto__'))
    await stage.appended('constructor', by(1, 1, 'constructor'))
    expect(await logged(stage)).toEqual(['ann', 'bob', 'proto', 'constructor'])
  })

  test('a producer has sequences of its own in each channel', async (stage) => {
    await stage.appended('here', by(1))
    const append = { event: 'said', data: '"there"', history: stage.history(), ...by(1) }
    expect((await stage.broker.append(`${stage.channel}-other`, append)).status).toBe('appended')
  })

  test('a refused sequence is used up and stays refused', async (stage) => {
    const { producer } = by(1)
    expect(await stage.broker.refuse(stage.channel, producer, 'bad_payload')).toEqual({
      status: 'refused',
      code: 'bad_payload',
    })
    expect(await stage.append('second try', by(1), stage.peer)).toEqual({ status: 'refused', code: 'bad_payload' })
    await stage.appended('next', by(2, 1))
    expect(await stage.append('third try', by(1))).toEqual({ status: 'refused', code: 'bad_payload' })
    expect(await logged(stage)).toEqual(['next'])
  })

  test('the first refusal is the one that counts', async (stage) => {
    const { producer } = by(1)
    await stage.broker.refuse(stage.channel, producer, 'forbidden')
    expect(await stage.broker.refuse(stage.channel, producer, 'bad_payload')).toEqual({
      status: 'refused',
      code: 'forbidden',
    })
  })

  test('what is in the log already cannot be refused', async (stage) => {
    const cursor = await stage.appended('accepted', by(1))
    expect(await stage.broker.refuse(stage.channel, by(1).producer, 'forbidden')).toEqual({
      status: 'duplicate',
      cursor,
    })
  })

  test('a refusal out of sequence is no refusal', async (stage) => {
    expect(await stage.broker.refuse(stage.channel, by(5, 2).producer, 'forbidden')).toEqual({
      status: 'sequence_gap',
      expected: 2,
    })
    await stage.appended('known', by(2))
    expect(await stage.broker.refuse(stage.channel, by(4, 2).producer, 'forbidden')).toEqual({
      status: 'sequence_gap',
      expected: 3,
    })
  })

  test('a refusal may begin where the producer has no answer yet', async (stage) => {
    await stage.appended('first', by(1))
    expect(await stage.broker.refuse(stage.channel, by(5, 5).producer, 'forbidden')).toEqual({
      status: 'refused',
      code: 'forbidden',
    })
    await stage.appended('sixth', by(6, 5))
  })

  test('a refusal is not an entry and moves no position', async (stage) => {
    const { head } = await stage.page()
    await stage.broker.refuse(stage.channel, by(1).producer, 'forbidden')
    expect((await stage.page()).head).toEqual(head)
  })

  test('a producer is remembered as long as it is used, and forgotten a window later', async (stage) => {
    await stage.appended(1, by(1))
    for (let time = 0; time < DEDUPE_UNITS * 2; time += DEDUPE_UNITS / 4) {
      await stage.advance(DEDUPE_UNITS / 4)
      expect((await stage.append(1, by(1))).status).toBe('duplicate')
    }
    await stage.advance(DEDUPE_UNITS + 2)
    expect(await stage.append(9, by(9, 8))).toEqual({ status: 'sequence_gap', expected: 8 })
  })

  test('a second append with the same key is a duplicate and gets the cursor of the first', async (stage) => {
    const cursor = await stage.appended('effect', { once: 'member.command.0' })
    expect(await stage.append('effect', { once: 'member.command.0' }, stage.peer)).toEqual({
      status: 'duplicate',
      cursor,
    })
    await stage.appended('another', { once: 'member.command.1' })
    await stage.appended('proto', { once: '__proto__' })
    expect(await logged(stage)).toEqual(['effect', 'another', 'proto'])
  })

  test('parallel appends with the same key append once', async (stage) => {
    const brokers = [stage.broker, stage.peer]
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => stage.append('effect', { once: 'key' }, brokers[index % 2])),
    )
    expect(outcomes.filter(({ status }) => status === 'appended').length).toBe(1)
    expect(await logged(stage)).toEqual(['effect'])
  })

  test('a producer whose event is in the log under its key already goes on with the next', async (stage) => {
    const cursor = await stage.appended('effect', { once: 'key' })
    expect(await stage.append('effect', { once: 'key', ...by(1) })).toEqual({ status: 'duplicate', cursor })
    expect(await stage.append('effect', { once: 'key', ...by(1) })).toEqual({ status: 'duplicate', cursor })
    await stage.appended('next', by(2, 1))
    expect(await stage.append('effect', by(1))).toEqual({ status: 'duplicate', cursor })
    expect(await logged(stage)).toEqual(['effect', 'next'])
  })

  test('a key is forgotten a window after its append', async (stage) => {
    await stage.appended('effect', { once: 'key' })
    await stage.advance(DEDUPE_UNITS / 2)
    expect((await stage.append('effect', { once: 'key' })).status).toBe('duplicate')
    await stage.advance(DEDUPE_UNITS + 2)
    await stage.appended('effect', { once: 'key' })
  })

  test('a key outlives its entry', async (stage) => {
    const cursor = await stage.appended('effect', { once: 'key', history: stage.history({ keep: 1 }) })
    await stage.appended('next', { history: stage.history({ keep: 1 }) })
    expect(await stage.append('effect', { once: 'key' })).toEqual({ status: 'duplicate', cursor })
  })

  test('a producer outlives its entries', async (stage) => {
    const cursor = await stage.appended(1, { ...by(1), history: stage.history({ keep: 1 }) })
    await stage.appended('next', { history: stage.history({ keep: 1 }) })
    expect(await stage.append(1, by(1))).toEqual({ status: 'duplicate', cursor })
  })
}
