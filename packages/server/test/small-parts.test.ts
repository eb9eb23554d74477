/** The parts of the engine that stand alone. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { BoundedMap } from '../src/bounded-map.ts'
import { withDeadline } from '../src/deadline.ts'
import { memberOf, principalOf } from '../src/identity.ts'
import { DEFAULT_LIMITS, resolveLimits } from '../src/limits.ts'
import { consoleLogger } from '../src/logger.ts'
import { canonicalAddress } from '../src/remote-address.ts'
import { frameSse } from '../src/sse-frame.ts'
import { TimerWheel } from '../src/timer-wheel.ts'
import { toJson, validate } from '../src/validate.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('the address of a peer', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:203.0.113.9', '203.0.113.9'],
    ['0:0:0:0:0:ffff:203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', undefined],
    [undefined, undefined],
  ])('%j counts as %j', (address, canonical) => {
    expect(canonicalAddress(address)).toBe(canonical)
  })

  it('keeps neighbours of another network apart', () => {
    expect(canonicalAddress('2001:db8:1:2::1')).not.toBe(canonicalAddress('2001:db8:1:3::1'))
    expect(canonicalAddress('203.0.113.9')).not.toBe(canonicalAddress('203.0.113.10'))
  })
})

describe('the principal of a user', () => {
  it.each([
    ['ann', 'ann'],
    [7, '7'],
    [{ id: 'ann', sub: 'x' }, 'ann'],
    [{ id: 7 }, '7'],
    [{ sub: 'ann' }, 'ann'],
    [{ name: 'ann' }, '{"name":"ann"}'],
    [true, 'true'],
  ])('%j is %j', (user, principal) => {
    expect(principalOf(user)).toBe(principal)
  })

  it('says what to do where there is none', () => {
    expect(() => principalOf(() => {})).toThrow(/Return an object with an id/)
  })

  it('and the session make a public name that gives neither away and is the same everywhere', async () => {
    const member = await memberOf('ann', 'session')
    expect(member).toMatch(/^[A-Za-z0-9_-]{16}$/)
    expect(await memberOf('ann', 'session')).toBe(member)
    expect(await memberOf('bob', 'session')).not.toBe(member)
    expect(await memberOf('ann', 'another')).not.toBe(member)
  })
})

describe('limits', () => {
  it('are on from the start and may be changed one by one', () => {
    expect(resolveLimits()).toEqual(DEFAULT_LIMITS)
    expect(resolveLimits({ rate: 5 })).toEqual({ ...DEFAULT_LIMITS, rate: 5 })
  })

  it.each([0, -1, Number.NaN, '5', null, undefined])('refuse %j, and say which one it is', (rate) => {
    expect(() => resolveLimits({ rate: rate as number })).toThrow(/Limit "rate"/)
  })

  it.each(['ratee', '__proto__', 'constructor'])('refuse %s, which there is not', (name) => {
    const limits = JSON.parse(`{"${name}":5}`) as object
    expect(() => resolveLimits(limits)).toThrow(`There is no limit "${name}".`)
  })
})

describe('a timer wheel', () => {
  it('calls back late rather than early, by one slot at most', () => {
    const wheel = new TimerWheel(Date.now)
    const calls: number[] = []
    const begun = Date.now()
    for (const delay of [0, 1, 49, 50, 51, 1234, 99_999])
      wheel.schedule(delay, () => calls.push(Date.now() - begun - delay))
    vi.advanceTimersByTime(200_000)
    expect(calls).toHaveLength(7)
    for (const late of calls) {
      expect(late).toBeGreaterThanOrEqual(0)
      expect(late).toBeLessThanOrEqual(50)
    }
  })

  it('holds one timer for a thousand deadlines and none for none', () => {
    const wheel = new TimerWheel(Date.now)
    expect(vi.getTimerCount()).toBe(0)
    const cancels = Array.from({ length: 1000 }, (_, index) => wheel.schedule(index * 10, () => {}))
    expect(vi.getTimerCount()).toBe(1)
    for (const cancel of cancels) cancel()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('calls in the order of their time', () => {
    const wheel = new TimerWheel(Date.now)
    const calls: string[] = []
    wheel.schedule(300, () => calls.push('late'))
    wheel.schedule(100, () => calls.push('early'))
    vi.advanceTimersByTime(100_000)
    expect(calls).toEqual(['early', 'late'])
  })

  it('repeats until it is cancelled, in the middle of a call too', () => {
    const wheel = new TimerWheel(Date.now)
    let calls = 0
    const cancel = wheel.repeat(100, () => {
      if (++calls === 3) cancel()
    })
    vi.advanceTimersByTime(10_000)
    expect(calls).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not call what another call of the same slot has cancelled', () => {
    const wheel = new TimerWheel(Date.now)
    const second = vi.fn()
    let cancel = (): void => {}
    wheel.schedule(100, () => cancel())
    cancel = wheel.schedule(100, second)
    vi.advanceTimersByTime(1000)
    expect(second).not.toHaveBeenCalled()
  })

  it('waits for a deadline beyond what timers can hold without turning in between', () => {
    const wheel = new TimerWheel(Date.now)
    const setTimer = vi.spyOn(globalThis, 'setTimeout')
    const cancel = wheel.schedule(90 * 86_400_000, () => {})
    for (const [, delay] of setTimer.mock.calls) expect(delay).toBeLessThan(2 ** 31)
    cancel()
  })

  it('forgets everything when it is closed', () => {
    const wheel = new TimerWheel(Date.now)
    const call = vi.fn()
    wheel.schedule(100, call)
    wheel.close()
    vi.advanceTimersByTime(1000)
    expect(call).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a bounded map', () => {
  it('lets go of what was not used for the longest time', () => {
    const map = new BoundedMap<string, number>(4)
    for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index)
    map.get('a')
    map.set('d', 3)
    expect([map.get('a'), map.get('b'), map.get('d')]).toEqual([0, undefined, 3])
  })

  it('never holds more than it may', () => {
    const map = new BoundedMap<number, number>(10)
    for (let key = 0; key < 1000; key++) {
      map.set(key, key)
      map.get(key - 7)
      expect(map.size).toBeLessThanOrEqual(10)
      // Half of them, those used last, are surely there.
      if (key >= 1) expect([map.get(key - 1), map.get(key)]).toEqual([key - 1, key])
    }
  })

  it('lets go of what was idle, and of nothing that was used', () => {
    const map = new BoundedMap<string, number>(100, 1000)
    map.set('used', 1)
    map.set('idle', 2)
    for (let ms = 0; ms <= 2500; ms += 500) {
      vi.advanceTimersByTime(500)
      expect(map.get('used')).toBe(1)
    }
    expect(map.size).toBe(1)
    // A second is surely not over.
    map.set('late', 3)
    vi.advanceTimersByTime(1000)
    expect(map.get('late')).toBe(3)
    vi.advanceTimersByTime(5000)
    expect(map.get('used')).toBeUndefined()
    expect(map.size).toBe(0)
  })

  it('deletes one, and whatever meets a test', () => {
    const map = new BoundedMap<string, number>(4)
    for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index)
    map.delete('a')
    map.deleteWhere((value) => value === 1)
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([undefined, undefined, 2])
  })
})

describe('validation', () => {
  const schema = z.object({ at: z.coerce.date<string>(), tags: z.array(z.string()).default([]) })

  it('hands out what the schema makes of a value', async () => {
    expect(await validate(schema, { at: '2020-01-01' }, 'x')).toEqual({ at: new Date('2020-01-01'), tags: [] })
  })

  it('says what does not fit and where, in bounds', async () => {
    const error = await validate(schema, { at: '2020-01-01', tags: ['a', 7] }, 'event "x"').catch(
      (thrown: unknown) => thrown as Error,
    )
    expect(error).toMatchObject({ code: 'bad_payload' })
    expect((error as Error).message).toMatch(/^The payload of event "x" does not fit its schema: tags\.1: /)
    const many = z.object(
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`field${index}`, z.string()])),
    )
    const long = await validate(many, {}, 'x').catch((thrown: unknown) => thrown as Error)
    expect((long as Error).message.length).toBeLessThan(1000)
  })

  it.each([[undefined], [() => {}], [1n], [Symbol('x')]])('refuses %s, which has no JSON form', (value) => {
    expect(() => toJson(value, 'x')).toThrow(expect.objectContaining({ code: 'bad_payload' }) as Error)
  })

  it('refuses what refers to itself', () => {
    const value: { self?: unknown } = {}
    value.self = value
    expect(() => toJson(value, 'x')).toThrow(expect.objectContaining({ code: 'bad_payload' }) as Error)
  })
})

describe('a line as a server-sent event', () => {
  const event = '{"t":"ev","ch":"lobby?room=1","at":"e1:5:x","e":"message","d":{"at":"not:1:this"}}'

  it('keeps the default type for events and names that of all other lines', () => {
    expect(frameSse(event, false)).toBe(`data: ${event}\n\n`)
    expect(frameSse('{"t":"hb"}', false)).toBe('event: hb\ndata: {"t":"hb"}\n\n')
  })

  it('has the cursor as its id where one channel is read', () => {
    expect(frameSse(event, true)).toContain('id: e1:5:x\n')
    expect(frameSse('{"t":"joined","ch":"alerts","j":1,"at":"e1:4:y","head":4,"how":"fresh"}', true)).toContain(
      'id: e1:4:y\n',
    )
    expect(frameSse('{"t":"gap","ch":"alerts","from":"e1:1:x","to":null}', true)).not.toContain('id:')
  })

  it('cannot be cut in two by what is in a payload', () => {
    const line = JSON.stringify({ t: 'ev', ch: 'alerts', at: 'e1:1:x', e: 'a', d: '\r\n\r\ndata: forged\u2028' })
    expect(frameSse(line, true).match(/^data:/gm)).toHaveLength(1)
  })
})

describe('a deadline', () => {
  it('hands out what comes in time and leaves no timer', async () => {
    expect(await withDeadline(() => 7, 1000)).toBe(7)
    await expect(withDeadline(() => Promise.reject(new Error('x')), 1000)).rejects.toThrow('x')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives up on what does not, with a code', async () => {
    const late = expect(withDeadline(() => new Promise(() => {}), 1000)).rejects.toMatchObject({ code: 'deadline' })
    await vi.advanceTimersByTimeAsync(1000)
    await late
  })
})

describe('the default logger', () => {
  function logged(fields: Readonly<Record<string, unknown>>): string {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    consoleLogger.error(fields, 'it failed')
    return String(write.mock.calls[0]?.[0])
  }

  it('writes one line of JSON with nothing in it that moves a cursor or begins another line', () => {
    const text = logged({ channel: 'a\r\nb\u001b[31m\u009b31m\u0000\u0007\u2028', err: new Error('x\ny') })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    expect(JSON.parse(text)).toMatchObject({ level: 'error', msg: 'it failed', err: { message: 'x\ny' } })
  })

  it('does not let a field pass for the level or the message', () => {
    expect(JSON.parse(logged({ level: 'info', msg: 'all is well' }))).toMatchObject({
      level: 'error',
      msg: 'it failed',
    })
  })

  it('never throws, whatever it is given', () => {
    const circular: { self?: unknown } = {}
    circular.self = circular
    for (const value of [
      circular,
      1n,
      {
        toJSON: () => {
          throw new Error('x')
        },
      },
    ]) {
      expect(logged({ value })).toContain('it failed')
      vi.restoreAllMocks()
    }
  })
})
