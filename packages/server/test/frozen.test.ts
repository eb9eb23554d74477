/** WebSockets that outlive their process: one hub freezes them, another one on the same broker goes on. */
import { describe, expect, test } from 'vitest'
import { memory } from '../src/memory-broker.ts'
import { HubStage, hello, type StageOptions } from './hub-stage.ts'

const LOBBY = 'lobby?room=1'
/** Has presence. */
const ROOM = 'chat?roomId=1'

/** Two lives of one host: the broker stays, the hub does not. */
function lives(options: StageOptions = {}): [HubStage, HubStage] {
  const broker = memory()
  return [new HubStage({ ...options, broker }), new HubStage({ ...options, broker })]
}

describe('a WebSocket that stays open while its process sleeps', () => {
  test('goes on where it was: what came meanwhile comes once, and nothing is joined again', async () => {
    const [before, after] = lives()
    const ann = await before.connect('ann')
    ann.send({ t: 'join', ch: LOBBY, j: 1 })
    await ann.take('joined')
    await before.emit(LOBBY, 'message', { text: 'one' })
    await ann.take('ev')
    const frozen = ann.socket.freeze()
    before.die()

    await after.emit(LOBBY, 'message', { text: 'two' })
    const revived = await after.revive(frozen)
    await after.emit(LOBBY, 'message', { text: 'three' })
    const events = await revived.take('ev', 2)
    expect(events.map(({ d }) => d)).toEqual([{ text: 'two' }, { text: 'three' }])
    expect(revived.lines.map(({ t }) => t)).toEqual(['ev', 'ev'])
  })

  test('is told once more what it was told after it was frozen, at the same offsets', async () => {
    const [before, after] = lives()
    const ann = await before.connect('ann')
    ann.send({ t: 'join', ch: LOBBY, j: 1 })
    await ann.take('joined')
    const frozen = ann.socket.freeze()
    await before.emit(LOBBY, 'message', { text: 'one' })
    const [told] = await ann.take('ev')
    before.die()
    const revived = await after.revive(frozen)
    expect(await revived.take('ev')).toEqual([told])
  })

  test('is told of a gap where the log has lost what it stood on', async () => {
    const [before] = lives()
    const [after] = lives()
    const ann = await before.connect('ann')
    ann.send({ t: 'join', ch: LOBBY, j: 7 })
    await ann.take('joined')
    const revived = await after.revive(ann.socket.freeze())
    expect(await revived.take('gap')).toMatchObject([{ ch: LOBBY, reason: 'new_epoch' }])
    expect(await revived.take('joined')).toMatchObject([{ ch: LOBBY, j: 7, how: 'fresh' }])
  })

  test('publishes on with the next number, as the same member', async () => {
    const [before, after] = lives()
    const ann = await before.connect('ann')
    ann.send({ t: 'pub', ch: LOBBY, n: 1, e: 'message', d: { text: 'one' } })
    await ann.take('ack')
    const revived = await after.revive(ann.socket.freeze())
    revived.send({ t: 'pub', ch: LOBBY, n: 2, lo: 2, e: 'message', d: { text: 'two' } })
    expect(await revived.take('ack')).toMatchObject([{ ch: LOBBY, n: 2 }])
  })

  test('stays present under the same lease, and leaves with it', async () => {
    const [before, after] = lives({ limits: { presenceLeaseMs: 60_000, presenceGraceMs: 50 } })
    const bob = await after.connect('bob')
    bob.send({ t: 'join', ch: ROOM, j: 1, pres: '' })
    const ann = await before.connect('ann')
    ann.send({ t: 'join', ch: ROOM, j: 1, pres: '' }, { t: 'pres', ch: ROOM, n: 1, d: { name: 'Ann' } })
    await bob.take('pres', 2)
    await ann.take('pres', 1)
    const frozen = ann.socket.freeze()
    before.die()

    const revived = await after.revive(frozen)
    expect(bob.linesOf('pres')).toHaveLength(2)
    // Its end is that of the lease which the other life took: there is no second one.
    revived.leave()
    expect((await bob.take('pres', 3))[2]).toMatchObject({ op: 'leave' })
  })

  test('is shown the presence set anew only where it changed', async () => {
    const [before, after] = lives()
    const ann = await before.connect('ann')
    ann.send({ t: 'join', ch: ROOM, j: 1, pres: '' })
    await ann.take('pres')
    const frozen = ann.socket.freeze()
    const same = await after.revive(frozen)
    const bob = await after.connect('bob')
    bob.send({ t: 'join', ch: ROOM, j: 1 }, { t: 'pres', ch: ROOM, n: 1, d: { name: 'Bob' } })
    expect(await same.take('pres')).toMatchObject([{ op: 'join', d: { name: 'Bob' } }])
    const other = await after.revive(frozen)
    expect(await other.take('pres')).toMatchObject([{ op: 'all', d: [{ d: { name: 'Bob' } }] }])
  })

  test('ends with its token, however long its process slept', async () => {
    const [before, after] = lives({
      auth: ({ expireAt }) => {
        expireAt(Date.now() + 60_000)
        return { id: 'ann' }
      },
    })
    const ann = await before.connect('ann')
    const { head, attachment } = ann.socket.freeze()
    if (attachment === undefined) throw new Error('It has no attachment.')
    const late = await after.revive({ head, attachment: { ...attachment, expiresAt: Date.now() - 1 } })
    await expect.poll(() => late.sink.closed).toMatchObject({ reason: 'unauthorized' })
  })

  test('may say its hello in the next life, if it had not yet', async () => {
    const [before, after] = lives()
    const frozen = before.open().socket.freeze()
    expect(frozen.attachment).toBeUndefined()
    const revived = await after.revive(frozen)
    revived.send(hello('ann'))
    expect(await revived.take('welcome')).toHaveLength(1)
  })

  test('fits into its frame: one channel takes some hundred characters', async () => {
    const [before] = lives()
    const ann = await before.connect('ann')
    for (let room = 0; room < 20; room++) ann.send({ t: 'join', ch: `chat?roomId=${room}`, j: room + 1 })
    await ann.take('joined', 20)
    expect(JSON.stringify(ann.socket.freeze()).length).toBeLessThan(4000)
  })
})
