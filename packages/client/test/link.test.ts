import { TriwireError, type WireName } from '@triwire/protocol'
import { describe, expect, it } from 'vitest'
import { Link } from '../src/link.ts'

const ALL: readonly WireName[] = ['websocket', 'sse', 'polling']

/** A link whose jitter always draws the whole interval. */
function createLink(wires: readonly WireName[] = ALL, random = 1): Link {
  return new Link({ wires, random: () => random })
}

function fail(link: Link, now = 0, code = 'network', retryMs?: number): void {
  link.handleClosed(new TriwireError(code, 'It failed.', { retryMs }), now)
}

describe('a link that nobody needs', () => {
  it('is idle and has no deadline', () => {
    const link = createLink()
    expect(link.state).toEqual({ name: 'idle' })
    expect(link.deadline()).toBe(Number.POSITIVE_INFINITY)
    expect(link.attempt).toBe(0)
  })

  it('ignores whatever a wire reports', () => {
    const link = createLink()
    link.handleAlive(0, 60_000)
    fail(link)
    link.handleTimeout(1e9)
    link.handleAwake(0)
    expect(link.state).toEqual({ name: 'idle' })
    expect(link.failures).toBe(0)
  })

  it('goes back to idle from every state but closed', () => {
    const opening = createLink()
    opening.handleWanted(0)
    const open = createLink()
    open.handleWanted(0)
    open.handleAlive(0, 60_000)
    const waiting = createLink(['sse'])
    waiting.handleWanted(0)
    fail(waiting)
    for (const link of [opening, open, waiting]) {
      link.handleUnwanted()
      expect(link.state.name).toBe('idle')
    }
    opening.close()
    opening.handleUnwanted()
    expect(opening.state.name).toBe('closed')
  })
})

describe('a link that opens', () => {
  it('begins with the best wire and gives it three seconds', () => {
    const link = createLink()
    link.handleWanted(100)
    expect(link.state).toEqual({ name: 'opening', wire: 'websocket', until: 3100 })
    expect(link.deadline()).toBe(3100)
    expect(link.attempt).toBe(1)
  })

  it('does not begin again while it is at it', () => {
    const link = createLink()
    link.handleWanted(0)
    link.handleWanted(500)
    expect(link.attempt).toBe(1)
  })

  it('is open with the welcome, not before', () => {
    const link = createLink()
    link.handleWanted(0)
    link.handleAlive(250, 60_000)
    expect(link.state).toEqual({ name: 'open', wire: 'websocket', since: 250, until: 60_250 })
  })

  it('counts silence as a broken connection, and every sign of life against it', () => {
    const link = createLink()
    link.handleWanted(0)
    link.handleAlive(0, 25_000)
    link.handleAlive(20_000, 25_000)
    link.handleTimeout(44_999)
    expect(link.state).toMatchObject({ name: 'open', since: 0 })
    link.handleTimeout(45_000)
    expect(link.state.name).toBe('waiting')
    expect(link.error?.code).toBe('network')
  })

  it('falls back in the order of preference without waiting, one attempt per wire', () => {
    const link = createLink()
    link.handleWanted(0)
    const tried: string[] = []
    while (link.state.name === 'opening') {
      tried.push(link.state.wire)
      fail(link, 0)
    }
    expect(tried).toEqual(ALL)
    expect(link.attempt).toBe(3)
    expect(link.state).toEqual({ name: 'waiting', until: 500 })
  })

  it('counts a time-out as a failure, at the deadline and not earlier', () => {
    const link = createLink()
    link.handleWanted(0)
    link.handleTimeout(2999)
    expect(link.state).toMatchObject({ wire: 'websocket' })
    link.handleTimeout(3000)
    expect(link.state).toMatchObject({ name: 'opening', wire: 'sse' })
    expect(link.error?.code).toBe('network')
  })

  it('gives attempts more time while nothing works, up to twelve seconds', () => {
    const link = createLink(['sse'])
    link.handleWanted(0)
    const given: unknown[] = []
    for (let round = 0; round < 5; round++) {
      given.push(link.deadline())
      fail(link, 0)
      link.handleAwake(0)
    }
    expect(given).toEqual([3000, 6000, 12_000, 12_000, 12_000])
  })
})

describe('a link whose connection breaks', () => {
  function openLink(now = 0): Link {
    const link = createLink()
    link.handleWanted(now)
    link.handleAlive(now, 60_000)
    return link
  }

  it('waits before it begins again, with the best wire', () => {
    const link = openLink()
    fail(link, 1000)
    expect(link.state).toEqual({ name: 'waiting', until: 1500 })
    link.handleTimeout(1499)
    expect(link.state.name).toBe('waiting')
    link.handleTimeout(1500)
    expect(link.state).toMatchObject({ name: 'opening', wire: 'websocket' })
  })

  it('waits longer each time, up to the cap', () => {
    const link = createLink(['sse'])
    let now = 0
    link.handleWanted(now)
    const delays: number[] = []
    for (let round = 0; round < 8; round++) {
      fail(link, now)
      expect(link.state.name).toBe('waiting')
      const until = link.deadline() ?? Number.NaN
      delays.push(until - now)
      now = until
      link.handleTimeout(now)
    }
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000])
  })

  it('forgets earlier failures only after it was stable for half a minute', () => {
    const link = openLink()
    fail(link, 1000)
    link.handleAwake(1000)
    link.handleAlive(1000, 60_000)
    fail(link, 2000)
    expect(link.failures).toBe(2)
    link.handleAwake(2000)
    link.handleAlive(2000, 60_000)
    fail(link, 32_000)
    expect(link.failures).toBe(1)
  })

  it('comes back at once and without blame when it is asked to rotate', () => {
    const link = openLink()
    fail(link, 5000, 'rotate', 0)
    expect(link.state).toMatchObject({ name: 'opening', wire: 'websocket' })
    expect(link.failures).toBe(0)
  })

  it('keeps to what the server asks for from the second failure on', () => {
    const link = createLink(['sse'], 0)
    link.handleWanted(0)
    fail(link, 0, 'unavailable', 7000)
    expect(link.deadline()).toBe(0)
    link.handleTimeout(0)
    fail(link, 0, 'unavailable', 7000)
    expect(link.deadline()).toBe(7000)
  })

  it('does not wait any longer when the device wakes up', () => {
    const link = openLink()
    fail(link, 1000)
    link.handleAwake(1001)
    expect(link.state).toMatchObject({ name: 'opening', wire: 'websocket' })
  })

  it('leaves an open connection alone when the device wakes up', () => {
    const link = openLink()
    const { attempt } = link
    link.handleAwake(10)
    expect(link.attempt).toBe(attempt)
  })

  it('comes back after a code it has never heard of, where the server says when', () => {
    const link = openLink()
    fail(link, 0, 'some_code_of_a_newer_server', 1000)
    expect(link.state.name).toBe('waiting')
  })

  it.each(['draining', 'unavailable', 'silence'])('comes back after %s', (code) => {
    const link = openLink()
    fail(link, 0, code, 1000)
    expect(link.state.name).toBe('waiting')
  })
})

describe('a link that is not accepted', () => {
  it('asks for a new token once, over the same wire, and closes for good if that is refused as well', () => {
    const link = createLink()
    link.handleWanted(0)
    fail(link, 0)
    fail(link, 0, 'unauthorized')
    expect(link.state).toMatchObject({ name: 'opening', wire: 'sse' })
    fail(link, 0, 'unauthorized')
    expect(link.state).toMatchObject({ name: 'closed', error: { code: 'unauthorized' } })
  })

  it('may ask for a new token again after a welcome', () => {
    const link = createLink()
    link.handleWanted(0)
    for (let day = 0; day < 5; day++) {
      link.handleAlive(0, 60_000)
      fail(link, 0, 'unauthorized')
      expect(link.state.name).toBe('opening')
    }
  })

  it.each(['bad_origin', 'forbidden', 'bad_version', 'bad_line', 'line_too_large', 'not_found'])(
    'closes for good on %s, while opening and when open',
    (code) => {
      const opening = createLink()
      opening.handleWanted(0)
      fail(opening, 0, code)
      const open = createLink()
      open.handleWanted(0)
      open.handleAlive(0, 60_000)
      fail(open, 0, code)
      for (const link of [opening, open]) {
        expect(link.state).toMatchObject({ name: 'closed', error: { code } })
        expect(link.deadline()).toBe(Number.POSITIVE_INFINITY)
      }
    },
  )

  it('stays closed whatever comes', () => {
    const link = createLink()
    link.close()
    link.handleWanted(0)
    link.handleAwake(0)
    link.handleAlive(0, 60_000)
    link.setWires(['polling'], 0)
    fail(link)
    expect(link.state).toEqual({ name: 'closed', error: undefined })
  })
})

describe('a link whose wires change', () => {
  it('moves to the new best one at once', () => {
    const link = createLink()
    link.handleWanted(0)
    link.handleAlive(0, 60_000)
    link.setWires(['polling'], 10)
    expect(link.state).toMatchObject({ name: 'opening', wire: 'polling' })
  })

  it('stays where it is if that is the best one still', () => {
    const link = createLink()
    link.handleWanted(0)
    link.handleAlive(0, 60_000)
    link.setWires(['websocket'], 10)
    expect(link.state).toMatchObject({ name: 'open', wire: 'websocket' })
    expect(link.attempt).toBe(1)
  })

  it('ends a wait', () => {
    const link = createLink(['sse'])
    link.handleWanted(0)
    fail(link)
    link.setWires(['polling'], 1)
    expect(link.state).toMatchObject({ name: 'opening', wire: 'polling' })
  })

  it('opens nothing while nobody needs it, and takes the new one later', () => {
    const link = createLink()
    link.setWires(['sse'], 0)
    expect(link.state.name).toBe('idle')
    link.handleWanted(0)
    expect(link.state).toMatchObject({ wire: 'sse' })
  })

  it('closes with what to do where none is left', () => {
    const link = createLink([])
    link.handleWanted(0)
    expect(link.state).toMatchObject({ name: 'closed', error: { code: 'no_wire' } })
    expect(link.state.name === 'closed' && link.state.error?.message).toMatch(/Allow "sse" or "polling"/)
  })
})
