/** Which channels anybody follows, across nodes that share a broker, and who runs the hook. */
import { TriwireError } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Broker, BrokerListener } from '../src/broker.ts'
import { memory } from '../src/memory-broker.ts'
import { Occupancy } from '../src/occupancy.ts'
import { TimerWheel } from '../src/timer-wheel.ts'

const LEASE_MS = 3000
const CLAIM_MS = 5000

let broker: Broker
let calls: string[]
const open: { close: () => unknown }[] = []

beforeEach(() => {
  vi.useFakeTimers()
  broker = memory()
  open.push(broker)
  calls = []
})

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** One node, whose hooks are told apart by its name. */
function node(name: string, options: { on?: Broker; hook?: (call: string) => Promise<void> } = {}): Occupancy {
  const { on = broker, hook = async () => {} } = options
  const wheel = new TimerWheel(Date.now)
  const made = new Occupancy({
    broker: on,
    wheel,
    logger: { warn: () => {}, error: (fields) => calls.push(String(fields)) },
    leaseMs: LEASE_MS,
    claimMs: CLAIM_MS,
    onChange: async (address, change) => {
      const call = `${name} ${change} ${address}`
      calls.push(call)
      await hook(call)
    },
  })
  open.push(wheel, made)
  return made
}

const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

/** The calls without the name of their node, which is any of them. */
const anywhere = (): string[] => calls.map((call) => call.slice(call.indexOf(' ') + 1))

/** A broker whose subscriptions can be made deaf, and interrupted. */
function deafening(inner: Broker): { broker: Broker; deaf: boolean; interrupt: () => void } {
  const listeners: BrokerListener[] = []
  const line = {
    deaf: false,
    interrupt: () => {
      for (const { onInterrupted } of listeners) onInterrupted()
    },
    broker: Object.create(inner, {
      subscribe: {
        value: (channel: string, listener: BrokerListener) => {
          listeners.push(listener)
          return inner.subscribe(channel, {
            ...listener,
            onPresence: (change) => {
              if (!line.deaf) listener.onPresence(change)
            },
          })
        },
      },
    }) as Broker,
  }
  for (const name of ['hold', 'release', 'members', 'claim', 'settle', 'settled'] as const)
    Object.defineProperty(line.broker, name, { value: (inner[name] as () => unknown).bind(inner) })
  return line
}

describe('a channel', () => {
  test('is occupied with its first node and vacant with its last, and one of them is told', async () => {
    const [one, other] = [node('one'), node('other')]
    one.occupy('room')
    await pass()
    other.occupy('room')
    await pass(LEASE_MS * 3)
    one.vacate('room')
    await pass(LEASE_MS * 3)
    expect(anywhere()).toEqual(['onOccupied room'])
    other.vacate('room')
    await pass()
    expect(anywhere()).toEqual(['onOccupied room', 'onVacated room'])
  })

  test('is vacant when the lease of its dead node is over', async () => {
    const [dying, other] = [node('dying'), node('other')]
    other.occupy('elsewhere')
    dying.occupy('room')
    await pass()
    await dying.close()
    await pass(LEASE_MS - 1)
    expect(anywhere()).toEqual(['onOccupied elsewhere', 'onOccupied room'])
    await pass(2)
    expect(calls.at(-1)).toBe('other onVacated room')
  })

  test('is vacant for a node that nobody has come to, where an earlier life of it left it behind', async () => {
    const before = node('before')
    before.occupy('room')
    await pass()
    await before.close()
    await node('now').watch()
    await pass(LEASE_MS - 1)
    expect(calls).toEqual(['before onOccupied room'])
    await pass(2)
    expect(calls).toEqual(['before onOccupied room', 'now onVacated room'])
  })

  test('that is taken up and left before the broker knows ends vacant', async () => {
    const one = node('one')
    one.occupy('room')
    one.vacate('room')
    one.occupy('room')
    one.vacate('room')
    await pass(LEASE_MS * 2)
    expect((await broker.members('_occupied')).members).toEqual([])
    expect(anywhere().length % 2).toBe(0)
  })

  test('stays occupied while its node is, although the store was away', async () => {
    const away = vi.spyOn(broker, 'hold')
    const one = node('one')
    away.mockRejectedValueOnce(new TriwireError('unavailable', 'away'))
    one.occupy('room')
    await pass()
    expect(calls).toEqual([])
    await pass(LEASE_MS / 3 + 50)
    expect(calls).toEqual(['one onOccupied room'])
  })
})

describe('a hook', () => {
  test('that hangs with its node is run by another one when its claim is over', async () => {
    const hangs = new Promise<void>(() => {})
    const dying = node('a', { hook: (call) => (call.endsWith('room') ? hangs : Promise.resolve()) })
    dying.occupy('mine')
    await pass()
    const other = node('b')
    other.occupy('yours')
    await pass()
    calls.length = 0
    dying.occupy('room')
    await pass()
    expect(calls).toEqual(['a onOccupied room'])
    await dying.close()
    await pass(CLAIM_MS + 1)
    expect(calls).toContain('b onOccupied room')
  })

  test('waits for the one before it, on whichever node that runs', async () => {
    let finish = (): void => {}
    const slow = new Promise<void>((resolve) => {
      finish = resolve
    })
    const hook = (call: string): Promise<void> => (call.endsWith('onOccupied room') ? slow : Promise.resolve())
    const [one, other] = [node('one', { hook }), node('other', { hook })]
    other.occupy('elsewhere')
    one.occupy('mine')
    await pass()
    calls.length = 0
    one.occupy('room')
    await pass()
    one.vacate('room')
    await pass(100)
    expect(anywhere()).toEqual(['onOccupied room'])
    finish()
    await pass(100)
    expect(anywhere()).toEqual(['onOccupied room', 'onVacated room'])
  })

  test('runs for what a node has missed, and not again for what was heard', async () => {
    const line = deafening(broker)
    const deaf = node('deaf', { on: line.broker })
    deaf.occupy('here')
    await pass()
    line.deaf = true
    await broker.hold('_occupied', held('missed'), { maxMembers: 10 })
    await broker.release('_occupied', 'unknown', 'x', 0)
    await pass()
    expect(calls).toEqual(['deaf onOccupied here'])
    line.deaf = false
    line.interrupt()
    await pass()
    expect(calls).toEqual(['deaf onOccupied here', 'deaf onOccupied missed'])
    line.deaf = true
    await broker.release('_occupied', 'missed', 'x', 0)
    line.deaf = false
    line.interrupt()
    await pass()
    expect(calls.slice(2)).toEqual(['deaf onVacated missed'])
    line.interrupt()
    await pass()
    expect(calls).toHaveLength(3)
  })
})

function held(member: string) {
  return { member, holder: 'x', value: { data: '1', sequence: 1 }, leaseMs: 600_000 }
}
