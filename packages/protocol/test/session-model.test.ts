/**
 * The session against a model server under cuts, losses, repetitions, trims and lost logs. What is promised:
 * events in one contiguous order without duplicates between gaps, and every publish logged once, in its order,
 * and settled once.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Delivery, encodeLine, Session } from '../src/index.ts'
import { ModelServer, type ModelWire } from './model-server.ts'

const channels = fc.constantFrom('a', 'b')
const few = fc.integer({ min: 1, max: 6 })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), channel: channels, fine: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('command' as const), channel: channels }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('emit' as const), channel: channels }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('newcomer' as const), channel: channels, tail: fc.nat(3) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('serve' as const), count: few }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('hear' as const), count: few }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('connect' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), count: few }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), channel: channels }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), channel: channels }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('throttle' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(100) }) },
)
type Step = typeof step extends fc.Arbitrary<infer TStep> ? TStep : never

/** What one subscribed channel has told its observers. */
interface Reading {
  epoch: string
  offset: number
  /** A gap was told and nothing has started anew since. */
  interrupted: boolean
  /** Where the last gap ended. */
  gapTo?: string | undefined
  readonly seen: unknown[]
}

class Schedule {
  readonly server = new ModelServer()
  readonly session = new Session({ id: 'AAAAAAAAAAAAAAAAAAAAAA' }, 0)
  readonly readings = new Map<string, Reading>()
  /** What became of each publish and command. */
  readonly outcomes = new Map<string, string[]>()
  readonly #forbidden = new Set<string>()
  #wire: ModelWire | undefined
  #oldWire: ModelWire | undefined
  #now = 0
  #serial = 0

  constructor() {
    this.session.subscribe('a', { tail: 2 }, true)
    this.session.subscribe('b', {}, true)
  }

  run(step: Step): void {
    switch (step.do) {
      case 'publish': {
        const data = step.fine === 0 ? 'forbidden' : ++this.#serial
        const key = this.session.publish(step.channel, 'x', data, this.#now)
        if (data === 'forbidden') this.#forbidden.add(key)
        this.outcomes.set(key, [])
        break
      }
      case 'command':
        this.outcomes.set(this.session.command(step.channel, 'c', ++this.#serial, this.#now), [])
        break
      case 'emit':
        this.server.append(step.channel, ++this.#serial)
        break
      case 'newcomer':
        this.session.subscribe(step.channel, { tail: step.tail }, true)
        break
      case 'write':
        this.#wire?.up.push(
          ...this.session.takeChanges(),
          ...this.session.takeLines(this.#now).map(({ text }) => text),
        )
        break
      case 'serve':
        if (this.#wire !== undefined) this.server.serve(this.#wire, step.count)
        break
      case 'hear':
        if (this.#wire !== undefined) this.#hear(this.#wire, step.count)
        break
      case 'lose': {
        const index = this.#wire?.down.findIndex(({ t }) => t === 'ev') ?? -1
        if (index >= 0) this.#wire?.down.splice(index, 1)
        break
      }
      case 'cut':
        this.#cut()
        break
      case 'connect':
        if (this.#wire !== undefined) break
        this.#wire = this.server.open()
        this.#wire.up.push(...this.session.takeOpening())
        break
      case 'repeat':
        if (this.#oldWire !== undefined) this.#hear(this.#oldWire, step.count)
        break
      case 'trim':
        this.server.trim(step.channel)
        break
      case 'restart':
        this.server.restart(step.channel)
        break
      case 'throttle':
        this.server.throttled = 2
        break
      case 'wait':
        this.#now += step.ms
        this.session.handleTimeout(this.#now)
        break
    }
    for (const delivery of this.session.takeDeliveries()) this.#check(delivery)
  }

  /** No more faults: everything must come to rest by itself. */
  settle(): void {
    this.server.throttled = 0
    for (const calm of [{ do: 'cut' }, { do: 'connect' }] as const) this.run(calm)
    for (let round = 0; round < 200; round++) {
      this.run({ do: 'write' })
      this.run({ do: 'serve', count: 10_000 })
      this.run({ do: 'hear', count: 10_000 })
      this.run({ do: 'wait', ms: 100 })
      const due = this.session.deadline(this.#now)
      if (this.session.pending === 0 && !this.session.hasChanges && this.#wire?.up.length === 0) {
        expect(due).toBe(Number.POSITIVE_INFINITY)
        return
      }
    }
    expect.fail('the session never came to rest')
  }

  checkOutcomes(): void {
    for (const [key, outcomes] of this.outcomes) {
      expect([key, ...outcomes]).toEqual([key, this.#forbidden.has(key) ? 'forbidden' : 'settled'])
    }
    for (const [name, channel] of this.server.channels) {
      const expected = [...this.outcomes.keys()]
        .filter((key) => key.startsWith(`p ${name} `) && !this.#forbidden.has(key))
        .map((key) => Number(key.split(' ')[2]))
      expect(channel.logged).toEqual(expected)
      const reading = this.readings.get(name)
      expect(reading).toMatchObject({ epoch: channel.epoch, offset: channel.head, interrupted: false })
      expect(new Set(reading?.seen).size).toBe(reading?.seen.length)
    }
    for (const times of this.server.effects.values()) expect(times).toBe(1)
  }

  #hear(wire: ModelWire, count: number): void {
    // Of a wire that was let go, only what may still be on its way when another one speaks.
    const heard = wire.down.splice(0, count)
    const lines = wire === this.#wire ? heard : heard.filter(({ t }) => /^(?:welcome|joined|ev|ack)$/.test(t))
    this.session.handleBatch(lines.map(encodeLine).join('\n'), this.#now)
  }

  #cut(): void {
    if (this.#wire === undefined) return
    this.#wire.up = []
    if (this.#oldWire !== undefined) this.server.wires.delete(this.#oldWire)
    this.#oldWire = this.#wire
    this.#wire = undefined
    this.session.handleDetached()
  }

  #check(delivery: Delivery): void {
    if (delivery.type === 'settled') this.outcomes.get(delivery.key)?.push('settled')
    if (delivery.type === 'failed') this.outcomes.get(delivery.key)?.push(delivery.error.code)
    if (delivery.type === 'start' && delivery.who !== 'newcomers') {
      const reading = this.readings.get(delivery.channel)
      // Never silent: who had a position was told of the gap first.
      if (reading !== undefined) expect(reading.interrupted).toBe(true)
      const { epoch, offset } = delivery.at
      this.readings.set(delivery.channel, { epoch, offset, interrupted: false, seen: reading?.seen ?? [] })
    }
    if (delivery.type === 'gap' && delivery.everybody) {
      const reading = this.readings.get(delivery.channel)
      // A second one only where the first one's end was lost as well before anybody got there.
      if (reading?.interrupted && reading.gapTo !== undefined) expect(delivery.from).toBe(reading.gapTo)
      if (reading !== undefined) {
        reading.interrupted = true
        reading.gapTo = delivery.to
        // What follows a gap may begin with history that was seen before it.
        reading.seen.length = 0
      }
    }
    if (delivery.type === 'event' && delivery.kind !== 'past') {
      const reading = this.readings.get(delivery.channel)
      expect(reading).toMatchObject({
        interrupted: false,
        epoch: delivery.cursor.epoch,
        offset: delivery.cursor.offset - 1,
      })
      reading!.offset = delivery.cursor.offset
      reading!.seen.push(delivery.data)
      expect(delivery.own).toBe(delivery.cause !== undefined)
    }
    if (delivery.type === 'event' && delivery.kind === 'past') {
      expect(delivery.cursor.offset).toBeLessThanOrEqual(this.readings.get(delivery.channel)?.offset ?? -1)
    }
  }
}

test('a session keeps its promises whatever happens to its wires', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const schedule = new Schedule()
      schedule.run({ do: 'connect' })
      for (const step of steps) schedule.run(step)
      schedule.settle()
      schedule.checkOutcomes()
    }),
    { numRuns: 400 },
  )
}, 30_000)
