import { TriwireError, type WireName } from '@triwire/protocol'
import { describe, expect, it } from 'vitest'
import { Link } from '../src/link.ts'
import type { Attempt, LinkState } from '../src/link-state.ts'
import { Verdicts } from '../src/verdicts.ts'

const ALL: readonly WireName[] = ['websocket', 'sse', 'polling']
const PATIENCE_MS = 25_000

/** A link with its clock; jitter always draws the whole interval. Attempts are started as soon as they are there. */
class Stage {
  now = 0
  readonly link: Link
  readonly #started = new Set<Attempt>()

  constructor(wires: readonly WireName[] = ALL, random = 1) {
    this.link = new Link({
      wires,
      verdicts: new Verdicts({ read: () => null, write: () => {} }),
      random: () => random,
    })
  }

  get state(): LinkState {
    return this.link.state
  }

  get wires(): string[] {
    return this.link.attempts.map(({ wire }) => wire)
  }

  /** What the link waits for, in milliseconds from now. */
  get wait(): number {
    return this.link.deadline() - this.now
  }

  do(change: (link: Link, now: number) => unknown): this {
    change(this.link, this.now)
    for (const attempt of this.link.attempts) {
      if (this.#started.has(attempt)) continue
      this.#started.add(attempt)
      this.link.handleStarted(attempt, this.now)
    }
    return this
  }

  want(): this {
    return this.do((link, now) => link.handleWanted(now))
  }

  attemptOver(wire: WireName): Attempt {
    const attempt = this.link.attempts.findLast((one) => one.wire === wire)
    if (!attempt) throw new Error(`No attempt over ${wire}; there are ${this.wires}.`)
    return attempt
  }

  welcome(wire: WireName, patienceMs = PATIENCE_MS): this {
    return this.do((link, now) => link.handleWelcome(this.attemptOver(wire), now, patienceMs))
  }

  fail(wire: WireName, code = 'network', retryMs?: number): this {
    const error = new TriwireError(code, 'It failed.', { retryMs })
    return this.do((link, now) => link.handleClosed(this.attemptOver(wire), error, now))
  }

  leaving(wire: WireName, retryMs: number): this {
    const error = new TriwireError('draining', 'Goodbye.', { retryMs })
    return this.do((link, now) => link.handleLeaving(this.attemptOver(wire), error, now))
  }

  joined(): this {
    return this.do((link, now) => link.handleJoined(now))
  }

  /** Lets time pass, with every deadline on its way; wires that are in use are heard of all the time. */
  pass(ms: number): this {
    const end = this.now + ms
    while (this.link.deadline() <= end) {
      this.now = Math.max(this.now, this.link.deadline())
      this.do((link, now) => link.handleTimeout(now))
    }
    this.now = end
    return this
  }

  /** Lets time pass in which the wire in use is alive. */
  live(ms: number): this {
    const end = this.now + ms
    while (this.now < end) {
      const { main } = this.link
      if (main) this.link.handleAlive(main, this.now, PATIENCE_MS)
      this.pass(Math.min(1000, end - this.now))
    }
    return this
  }
}

/** A link in use over a wire, because those before it have failed. */
function open(wire: WireName = 'websocket', wires = ALL): Stage {
  const stage = new Stage(wires).want()
  for (const worse of wires.slice(0, wires.indexOf(wire))) stage.fail(worse)
  return stage.welcome(wire)
}

describe('a link that nobody needs', () => {
  it('is idle, wants nothing open and has no deadline', () => {
    const stage = new Stage()
    expect(stage.state).toEqual({ name: 'idle' })
    expect(stage.wires).toEqual([])
    expect(stage.link.deadline()).toBe(Number.POSITIVE_INFINITY)
  })

  it('goes back to idle from every state but closed', () => {
    const racing = new Stage().want()
    const waiting = new Stage(['sse']).want().fail('sse')
    for (const stage of [racing, open(), waiting]) {
      stage.do((link) => link.handleUnwanted())
      expect(stage.state.name).toBe('idle')
    }
    racing.link.close()
    racing.link.handleUnwanted()
    expect(racing.state.name).toBe('closed')
  })

  it('ignores what wires report that it has given up', () => {
    const stage = new Stage().want()
    const attempt = stage.attemptOver('websocket')
    stage.link.handleUnwanted()
    stage.link.handleClosed(attempt, new TriwireError('network', 'Late.'), 0)
    stage.link.handleWelcome(attempt, 0, PATIENCE_MS)
    stage.link.handleTimeout(1e9)
    stage.link.handleAwake(0)
    expect(stage.state).toEqual({ name: 'idle' })
  })
})

describe('a race', () => {
  it('begins with the best wire alone, and once', () => {
    const stage = new Stage().want().want()
    expect(stage.wires).toEqual(['websocket'])
    expect(stage.link.main).toBe(stage.attemptOver('websocket'))
    expect(stage.wait).toBe(1000)
  })

  it('tries the next wire beside it after a head start of a second', () => {
    const stage = new Stage().want().pass(999)
    expect(stage.wires).toEqual(['websocket'])
    stage.pass(1)
    expect(stage.wires).toEqual(['websocket', 'sse'])
    expect(stage.link.main).toBeUndefined()
    expect(stage.pass(1000).wires).toEqual(ALL)
  })

  it('gives a head start of three round trips where those are known to be slow', () => {
    const stage = open()
    stage.link.handleRtt(700)
    stage.fail('websocket').pass(500)
    expect(stage.pass(2099).wires).toEqual(['websocket'])
    expect(stage.pass(1).wires).toEqual(['websocket', 'sse'])
  })

  it('counts the head start from when the wire was really opened, as a token may take its time', () => {
    const { link } = new Stage()
    link.handleWanted(0)
    const [attempt] = link.attempts
    expect(link.deadline()).toBe(10_000)
    link.handleStarted(attempt as Attempt, 4000)
    expect(link.deadline()).toBe(5000)
  })

  it('tries the next wire at once when one fails', () => {
    const stage = new Stage().want().fail('websocket')
    expect(stage.wires).toEqual(['sse'])
    expect(stage.fail('sse').wires).toEqual(['polling'])
  })

  it('is won by the first welcome, and the others are let go', () => {
    const stage = new Stage().want().pass(2000).welcome('sse')
    expect(stage.state).toMatchObject({ name: 'open', main: { wire: 'sse', since: 2000 }, leaving: false })
    expect(stage.wires).toEqual(['sse'])
  })

  it('goes on with the others when one of them fails', () => {
    const stage = new Stage().want().pass(2000).fail('sse')
    expect(stage.wires).toEqual(['websocket', 'polling'])
    expect(stage.welcome('websocket').state).toMatchObject({ main: { wire: 'websocket' } })
  })

  it('gives each wire ten seconds', () => {
    const stage = new Stage(['websocket', 'sse']).want().pass(9999)
    expect(stage.wires).toEqual(['websocket', 'sse'])
    expect(stage.pass(1).wires).toEqual(['sse'])
    expect(stage.pass(1000).state.name).toBe('waiting')
  })

  it('is lost when every wire has failed, and begins again after the back-off', () => {
    const stage = new Stage().want().fail('websocket').fail('sse').fail('polling')
    expect(stage.state).toEqual({ name: 'waiting', until: 500 })
    expect(stage.pass(500).wires).toEqual(['websocket'])
  })

  it('begins with the wire that won last, and what is better gets its turn at the end', () => {
    const stage = open('sse').fail('sse').pass(500)
    expect(stage.wires).toEqual(['sse'])
    expect(stage.pass(2000).wires).toEqual(['sse', 'polling', 'websocket'])
  })
})

describe('a link whose connection breaks', () => {
  it('waits before the next race', () => {
    const stage = open().live(1000).fail('websocket')
    expect(stage.state).toEqual({ name: 'waiting', until: 1500 })
    expect(stage.pass(499).state.name).toBe('waiting')
    expect(stage.pass(1).wires).toEqual(['websocket'])
  })

  it('waits longer each time, up to the cap', () => {
    const stage = new Stage(['sse']).want()
    const delays = Array.from({ length: 8 }, () => {
      const { wait } = stage.fail('sse')
      stage.pass(wait)
      return wait
    })
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000])
  })

  it('forgets earlier failures only after it was stable for half a minute', () => {
    const stage = open()
    for (const livedMs of [1000, 29_999]) stage.live(livedMs).fail('websocket').pass(2000).welcome('websocket')
    expect(stage.link.failures).toBe(2)
    expect(stage.live(30_000).fail('websocket').link.failures).toBe(1)
  })

  it('counts silence as a broken connection, and every sign of life against it', () => {
    const stage = open()
      .live(60_000)
      .pass(PATIENCE_MS - 1001)
    expect(stage.state).toMatchObject({ name: 'open', main: { since: 0 } })
    expect(stage.pass(1).state.name).toBe('waiting')
    expect(stage.link.error?.code).toBe('network')
  })

  it('comes back at once and without blame when the server asks it to rotate', () => {
    const stage = open().live(5000).fail('websocket', 'rotate', 0)
    expect(stage.wires).toEqual(['websocket'])
    expect(stage.link.failures).toBe(0)
  })

  it.each(['draining', 'unavailable', 'silence', 'some_code_of_a_newer_server'])(
    'comes back after %s no earlier than the server says',
    (code) => {
      const stage = open().fail('websocket', code, 7000)
      expect(stage.state).toEqual({ name: 'waiting', until: 7000 })
    },
  )
})

describe('a link that is not accepted', () => {
  it('asks for a new token, once more if that is refused as well, and then closes for good', () => {
    const stage = new Stage().want()
    for (let refusal = 1; refusal <= 2; refusal++) {
      stage.fail('websocket').fail('sse', 'unauthorized')
      expect(stage.wires).toEqual(['websocket'])
    }
    stage.fail('websocket').fail('sse', 'unauthorized')
    expect(stage.state).toMatchObject({ name: 'closed', error: { code: 'unauthorized' } })
  })

  it('may ask for a new token again after a welcome', () => {
    const stage = open()
    for (let day = 0; day < 5; day++) {
      expect(stage.fail('websocket', 'unauthorized').state.name).toBe('racing')
      stage.welcome('websocket')
    }
  })

  it('begins to count again after an outage: the tokens before may have run out meanwhile', () => {
    const stage = open('sse', ['sse']).fail('sse', 'unauthorized').fail('sse', 'unauthorized').fail('sse')
    stage.pass(stage.wait)
    for (let refusal = 1; refusal <= 2; refusal++)
      expect(stage.fail('sse', 'unauthorized').state.name).toBe('racing')
    expect(stage.fail('sse', 'unauthorized').state.name).toBe('closed')
  })

  it.each(['bad_origin', 'forbidden', 'bad_version', 'bad_line', 'line_too_large', 'not_found'])(
    'closes for good on %s, in a race and in use',
    (code) => {
      for (const stage of [new Stage().want(), open()]) {
        stage.fail('websocket', code)
        expect(stage.state).toMatchObject({ name: 'closed', error: { code } })
        expect(stage.link.deadline()).toBe(Number.POSITIVE_INFINITY)
      }
    },
  )

  it('stays closed whatever comes', () => {
    const { link } = new Stage()
    link.close()
    link.handleWanted(0)
    link.handleAwake(0)
    link.setWires(['polling'], 0)
    expect(link.state).toEqual({ name: 'closed', error: undefined })
  })
})

describe('a better wire', () => {
  it('is probed ten seconds after a worse one came into use, beside it and without channels', () => {
    const stage = open('polling').live(9999)
    expect(stage.wires).toEqual(['polling'])
    stage.live(1)
    expect(stage.wires).toEqual(['polling', 'websocket'])
    expect(stage.attemptOver('websocket').bare).toBe(true)
    expect(stage.link.carrier).toBe(stage.attemptOver('polling'))
  })

  it('is not probed where the best one is in use', () => {
    expect(open('websocket').live(3_600_000).wires).toEqual(['websocket'])
  })

  it('gets the channels after two seconds on trial, and takes over once they are joined', () => {
    const stage = open('sse').live(10_000).welcome('websocket').live(1999)
    expect(stage.link.carrier).toBe(stage.attemptOver('sse'))
    stage.live(1)
    expect(stage.link.carrier).toBe(stage.attemptOver('websocket'))
    expect(stage.wires).toEqual(['sse', 'websocket'])
    stage.joined()
    expect(stage.wires).toEqual(['websocket'])
    expect(stage.state).toMatchObject({ name: 'open', main: { wire: 'websocket' } })
  })

  it('has eight round trips to answer where those take long', () => {
    const stage = open('sse')
    stage.link.handleRtt(1000)
    expect(stage.live(17_999).wires).toEqual(['sse', 'websocket'])
    expect(stage.live(1).wires).toEqual(['sse'])
  })

  it('that fails is probed less and less often, up to every ten minutes', () => {
    const stage = open('sse')
    const waits: number[] = []
    for (let probe = 0; probe < 9; probe++) {
      const since = stage.now
      while (stage.wires.length === 1) stage.live(1000)
      waits.push((stage.now - since) / 1000)
      stage.fail('websocket')
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600])
  })

  it('leaves the next better one its turn when it fails', () => {
    const stage = open('polling').live(10_000).fail('websocket')
    expect(stage.wires).toEqual(['polling', 'sse'])
    expect(stage.fail('sse').wires).toEqual(['polling'])
  })

  it('that does not answer or does not join in time is given up, and the one in use goes on', () => {
    const unanswered = open('sse').live(12_999)
    expect(unanswered.wires).toEqual(['sse', 'websocket'])
    expect(unanswered.live(1).wires).toEqual(['sse'])
    const unjoined = open('sse').live(10_000).welcome('websocket').live(2000)
    expect(unjoined.wires).toEqual(['sse', 'websocket'])
    expect(unjoined.live(10_000).wires).toEqual(['sse'])
    expect(unjoined.link.carrier).toBe(unjoined.attemptOver('sse'))
  })

  it('that is refused for good leaves the one in use alone', () => {
    const stage = open('sse').live(10_000).fail('websocket', 'forbidden')
    expect(stage.state).toMatchObject({ name: 'open', main: { wire: 'sse' } })
  })

  it('takes over at once when the one in use breaks meanwhile', () => {
    const stage = open('sse').live(10_000).welcome('websocket').fail('sse')
    expect(stage.state).toMatchObject({ name: 'open', main: { wire: 'websocket' } })
  })

  it('that dies young after it has taken over is demoted again by that one death', () => {
    const stage = open('sse').live(10_000).welcome('websocket').live(2000).joined().live(5000)
    stage.fail('websocket').pass(500)
    expect(stage.wires).toEqual(['sse'])
    // And is not tried again as soon as before.
    expect(stage.welcome('sse').live(19_999).wires).toEqual(['sse'])
    expect(stage.live(1).wires).toEqual(['sse', 'websocket'])
  })
})

describe('a wire that keeps dying', () => {
  it('is demoted by the third death in a row before it is ten seconds old', () => {
    const stage = open()
    for (let death = 1; death <= 2; death++) {
      stage.live(200).fail('websocket').pass(2000)
      expect(stage.wires[0]).toBe('websocket')
      stage.welcome('websocket')
    }
    stage.live(200).fail('websocket').pass(2000)
    expect(stage.wires).toEqual(['sse'])
  })

  it('does not come back by itself where the next one is blocked: the third one has its turn', () => {
    const stage = open()
    for (let death = 1; death <= 3; death++) {
      stage.live(200).fail('websocket')
      stage.pass(stage.wait)
      if (death < 3) stage.welcome('websocket')
    }
    expect(stage.wires[0]).toBe('sse')
    expect(stage.fail('sse').wires.at(-1)).toBe('polling')
    expect(stage.welcome('polling').live(5000).wires).toEqual(['polling'])
  })

  it('is not demoted where everything fails in between: that is the network, not the wire', () => {
    const stage = open()
    for (let outage = 0; outage < 5; outage++) {
      stage.live(200).fail('websocket').pass(stage.wait)
      stage.fail('websocket').fail('sse').fail('polling').pass(stage.wait)
      expect(stage.wires).toEqual(['websocket'])
      stage.welcome('websocket')
    }
  })

  it('is not blamed for ends that the server has announced', () => {
    const stage = open()
    for (let turn = 0; turn < 5; turn++) {
      stage.fail('websocket', 'rotate', 0)
      expect(stage.wires).toEqual(['websocket'])
      stage.welcome('websocket')
    }
  })
})

describe('a wire that is going to end', () => {
  it('is succeeded by another one of its kind, after the time the server asks for', () => {
    const stage = open('sse', ['sse']).leaving('sse', 3000).live(2999)
    expect(stage.wires).toEqual(['sse'])
    stage.live(1)
    expect(stage.wires).toEqual(['sse', 'sse'])
    const [old, next] = stage.link.attempts
    stage.welcome('sse')
    expect(stage.link.carrier).toBe(next)
    expect(stage.joined().link.attempts).toEqual([next])
    expect(stage.link.main).not.toBe(old)
    expect(stage.link.failures).toBe(0)
  })

  it('is used for as long as it lasts where the successor fails, which is tried again', () => {
    const stage = open('sse', ['sse']).leaving('sse', 0).pass(0).fail('sse')
    expect(stage.wires).toEqual(['sse'])
    expect(stage.live(500).wires).toEqual(['sse', 'sse'])
    // Less and less often: the server that it is sent to may be down.
    expect(stage.fail('sse').live(999).wires).toEqual(['sse'])
    expect(stage.live(1).wires).toEqual(['sse', 'sse'])
  })

  it('that ends before there is a successor is followed by a race, without a wait', () => {
    const stage = open().leaving('websocket', 5000).live(1000).fail('websocket')
    expect(stage.wires).toEqual(['websocket'])
    expect(stage.state.name).toBe('racing')
  })

  it('takes the better wire that is on trial, without further trial', () => {
    const stage = open('sse').live(10_000).welcome('websocket').leaving('sse', 5000)
    expect(stage.link.carrier).toBe(stage.attemptOver('websocket'))
  })
})

describe('a device that wakes up', () => {
  it('does not wait any longer', () => {
    const stage = open().live(1000).fail('websocket')
    expect(stage.do((link, now) => link.handleAwake(now)).wires).toEqual(['websocket'])
  })

  it('leaves a connection alone that was heard a moment ago', () => {
    const stage = open().live(60_000)
    expect(stage.link.handleAwake(stage.now)).toBe(false)
    expect(stage.state.name).toBe('open')
  })

  it('asks a quiet connection for a sign of life, and gives it three seconds', () => {
    const stage = open('polling', ['polling'])
    stage.now = 20_000
    expect(stage.link.handleAwake(stage.now)).toBe(true)
    expect(stage.wait).toBe(3000)
    expect(stage.pass(3000).state.name).toBe('waiting')
  })

  it('races at once where the connection is overdue by the clock on the wall', () => {
    const stage = open()
    stage.now = 3_600_000
    expect(stage.do((link, now) => link.handleAwake(now)).wires).toEqual(['websocket'])
    expect(stage.state.name).toBe('racing')
  })
})

describe('a link whose wires change', () => {
  it('moves to the new best one without letting go of the old one before', () => {
    const stage = open()
      .do((link, now) => link.setWires(['polling'], now))
      .pass(0)
    expect(stage.wires).toEqual(['websocket', 'polling'])
    expect(stage.welcome('polling').joined().wires).toEqual(['polling'])
  })

  it('lets go of the old one where the new one fails', () => {
    const stage = open()
      .do((link, now) => link.setWires(['polling'], now))
      .pass(0)
      .fail('polling')
    expect(stage.state.name).toBe('racing')
    expect(stage.wires).toEqual(['polling'])
  })

  it('stays where it is if that is the best one still', () => {
    const stage = open().do((link, now) => link.setWires(['websocket'], now))
    expect(stage.live(60_000).wires).toEqual(['websocket'])
  })

  it('tries better ones at once when they are allowed again', () => {
    const stage = open('sse', ['sse'])
      .do((link, now) => link.setWires(ALL, now))
      .pass(0)
    expect(stage.wires).toEqual(['sse', 'websocket'])
  })

  it('ends a wait', () => {
    const stage = new Stage(['sse']).want().fail('sse')
    expect(stage.do((link, now) => link.setWires(['polling'], now)).wires).toEqual(['polling'])
  })

  it('opens nothing while nobody needs it, and takes the new one later', () => {
    const stage = new Stage().do((link) => link.setWires(['sse'], 0))
    expect(stage.state.name).toBe('idle')
    expect(stage.want().wires).toEqual(['sse'])
  })

  it('closes with what to do where none is left', () => {
    const { state } = new Stage([]).want()
    expect(state).toMatchObject({ name: 'closed', error: { code: 'no_wire' } })
    expect(state.name === 'closed' && state.error?.message).toMatch(/Allow "sse" or "polling"/)
  })
})
