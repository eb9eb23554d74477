/** Cases of the broker contract: what subscriptions are told, in which order, and when no more. */
import { expect } from 'vitest'
import type { SignalMessage } from '../broker.ts'
import { Recorder } from './recorder.ts'
import { expectContiguous, type RegisterCase, values } from './stage.ts'

export function subscriptionCases(test: RegisterCase): void {
  const signal = (data: string): SignalMessage => ({ event: 'typing', key: undefined, member: undefined, data })

  test('a subscription begins at the head of the log', async (stage) => {
    const [, , third] = await stage.appendCount(3)
    const recorder = new Recorder()
    const subscription = await stage.peer.subscribe(stage.channel, recorder)
    expect(subscription.head).toEqual(third)
    await stage.appended('live')
    await recorder.untilEntries(1)
    expect(values(recorder.entries)).toEqual(['live'])
    expectContiguous(subscription.head, recorder.entries)
  })

  test('an entry is delivered as it is read', async (stage) => {
    const recorder = await stage.record()
    await stage.appended({ text: 'same' }, { cause: 'member.command' })
    await recorder.untilEntries(1)
    expect(recorder.entries).toEqual((await stage.page({ tail: 1 })).entries)
  })

  test('fifty parallel appends are delivered once, in the order of the log', async (stage) => {
    const recorder = new Recorder()
    const { head } = await stage.peer.subscribe(stage.channel, recorder)
    const brokers = [stage.broker, stage.peer]
    await Promise.all(Array.from({ length: 50 }, (_, index) => stage.appended(index, {}, brokers[index % 2])))
    await stage.appended('last')
    await recorder.untilEntries(51)
    expectContiguous(head, recorder.entries)
    expect(recorder.entries).toEqual((await stage.page({ tail: 1000 })).entries)
  })

  test('subscribing amid appends loses none after its head', async (stage) => {
    const appends = Array.from({ length: 30 }, (_, index) => stage.appended(index))
    const recorder = new Recorder()
    const [{ head }] = await Promise.all([stage.peer.subscribe(stage.channel, recorder), ...appends])
    const last = await stage.appended('last')
    await recorder.until('the last entry', () =>
      recorder.entries.some(({ cursor }) => cursor.offset === last.offset),
    )
    const { entries } = await stage.page({ after: head })
    expect(recorder.entries.filter(({ cursor }) => cursor.offset > head.offset)).toEqual(entries)
  })

  test('every subscription is told everything', async (stage) => {
    const recorders = [await stage.record(), await stage.record(stage.broker), await stage.record()]
    await stage.appendCount(5)
    for (const recorder of recorders) {
      await recorder.untilEntries(5)
      expect(values(recorder.entries)).toEqual([1, 2, 3, 4, 5])
    }
  })

  test('duplicates and refusals are delivered to nobody', async (stage) => {
    const recorder = await stage.record()
    const producer = { id: 'ann', sequence: 1, lowest: 1 }
    await stage.appended('first', { producer })
    await stage.append('first', { producer })
    await stage.broker.refuse(stage.channel, { ...producer, sequence: 2 }, 'forbidden')
    await stage.appended('keyed', { once: 'key' })
    await stage.append('keyed', { once: 'key' })
    await stage.appended('last')
    await recorder.untilEntries(3)
    expect(values(recorder.entries)).toEqual(['first', 'keyed', 'last'])
  })

  test('a closed subscription is told nothing more, and the others go on', async (stage) => {
    const closed = new Recorder()
    const subscription = await stage.peer.subscribe(stage.channel, closed)
    const other = await stage.record()
    await stage.appended('before')
    await closed.untilEntries(1)
    await subscription.close()
    await stage.appended('after')
    await stage.broker.signal(stage.channel, signal('1'))
    await other.until('the signal', ({ signals }) => signals.length === 1)
    await other.untilEntries(2)
    expect(closed.data).toEqual(['"before"'])
    expect(closed.calls).toBe(1)
  })

  test('closing a subscription twice is harmless', async (stage) => {
    const subscription = await stage.broker.subscribe(stage.channel, new Recorder())
    await subscription.close()
    await subscription.close()
    const recorder = await stage.record()
    await stage.appended('alive')
    await recorder.untilEntries(1)
  })

  test('a channel can be subscribed to again', async (stage) => {
    const subscription = await stage.peer.subscribe(stage.channel, new Recorder())
    await stage.appended('first')
    await subscription.close()
    await stage.appended('missed')
    const recorder = new Recorder()
    const { head } = await stage.peer.subscribe(stage.channel, recorder)
    await stage.appended('second')
    await recorder.untilEntries(1)
    expect(values(recorder.entries)).toEqual(['second'])
    expectContiguous(head, recorder.entries)
  })

  test('a listener that throws does not cost the others anything', async (stage) => {
    const broken = new Recorder()
    const fail = (): never => {
      throw new Error('thrown by a listener of the contract suite')
    }
    await stage.peer.subscribe(stage.channel, { ...broken, onEntry: fail, onSignal: fail, onPresence: fail })
    const recorder = await stage.record()
    await stage.appendCount(2)
    await stage.broker.signal(stage.channel, signal('1'))
    await recorder.untilEntries(2)
    await recorder.until('the signal', ({ signals }) => signals.length === 1)
    expect(values(recorder.entries)).toEqual([1, 2])
  })

  test('a listener may append, and everybody still hears it in the order of the log', async (stage) => {
    const answers: Promise<unknown>[] = []
    const echo = new Recorder()
    const listener = {
      onEntry: (entry: Parameters<Recorder['onEntry']>[0]): void => {
        echo.onEntry(entry)
        if (entry.data === '"question"') answers.push(stage.appended('answer'))
      },
      onSignal: echo.onSignal,
      onPresence: echo.onPresence,
      onInterrupted: echo.onInterrupted,
    }
    await stage.peer.subscribe(stage.channel, listener)
    const recorder = await stage.record()
    await stage.appended('question')
    await recorder.untilEntries(2)
    await echo.untilEntries(2)
    await Promise.all(answers)
    expect(values(recorder.entries)).toEqual(['question', 'answer'])
    expect(values(echo.entries)).toEqual(['question', 'answer'])
  })

  test('subscriptions of other channels are told nothing', async (stage) => {
    const other = new Recorder()
    await stage.peer.subscribe(`${stage.channel}-other`, other)
    const recorder = await stage.record()
    await stage.appended('here')
    await stage.broker.signal(stage.channel, signal('1'))
    await stage.broker.signal(`${stage.channel}-other`, signal('"there"'))
    await recorder.untilEntries(1)
    await other.until('its own signal', ({ signals }) => signals.length > 0)
    expect(other.calls).toBe(1)
  })

  test('a signal reaches every subscription, word for word', async (stage) => {
    const recorders = [await stage.record(), await stage.record(stage.broker)]
    const full: SignalMessage = { event: 'cursor', key: 'k:*>{}', member: 'ann', data: '{"x":1,"y":"é"}' }
    await stage.broker.signal(stage.channel, full)
    await stage.broker.signal(stage.channel, signal('null'))
    for (const recorder of recorders) {
      await recorder.until('two signals', ({ signals }) => signals.length === 2)
      expect(recorder.signals).toEqual([full, signal('null')])
    }
  })

  test('signals are not stored', async (stage) => {
    const { head } = await stage.page()
    await stage.broker.signal(stage.channel, signal('"lost"'))
    const recorder = await stage.record()
    await stage.broker.signal(stage.channel, signal('"heard"'))
    await recorder.until('a signal', ({ signals }) => signals.length > 0)
    expect(recorder.signals).toEqual([signal('"heard"')])
    expect((await stage.page({ after: head })).entries).toEqual([])
  })

  test('an interrupted subscription says so, and goes on', async (stage) => {
    const { interrupt } = stage.harness
    if (interrupt === undefined) return stage.skip('this broker has no line that could be cut')
    const recorder = await stage.record()
    const before = (await stage.page()).head
    await interrupt()
    await recorder.until('onInterrupted', ({ interruptions }) => interruptions > 0)
    const last = await stage.appended('after')
    await recorder.until('the entry', () => recorder.entries.some(({ cursor }) => cursor.tag === last.tag))
    expect(values((await stage.page({ after: before })).entries)).toEqual(['after'])
  })
}
