import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createStage, type Seat, type Stage, upTo } from '../src/stage.ts'

let stage: Stage

beforeEach(() => {
  vi.useFakeTimers()
  stage = createStage()
})
afterEach(async () => {
  await stage.close()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Tabs that rest. */
async function openTabs(count: number): Promise<Seat[]> {
  const seats: Seat[] = []
  while (seats.length < count) seats.push(await stage.open())
  await stage.pass(3000)
  return seats
}

async function emit(count: number, everyMs = 20): Promise<void> {
  for (let n = 0; n < count; n++) {
    await stage.emit()
    await stage.pass(everyMs)
  }
}

function leaderOf(seats: readonly Seat[]): Seat {
  const leader = seats.find(({ tab }) => tab === stage.leader)
  if (leader === undefined) throw new Error('Nobody leads.')
  return leader
}

function othersThan(seat: Seat): Seat[] {
  return stage.seats.filter((other) => other !== seat)
}

describe('tabs that share', () => {
  it('live on one stream, hear everything once and in order, and ask for nothing', async () => {
    const seats = await openTabs(6)
    expect(stage.network.streams).toHaveLength(1)
    const before = stage.network.requests.length
    await emit(50)
    for (const seat of seats) expect(seat.ticks).toEqual(upTo(50))
    expect(stage.network.requests.slice(before)).toEqual([])
  })

  it('show the wire they live on', async () => {
    const seats = await openTabs(2)
    await stage.pass(2000)
    for (const { client } of seats)
      expect(client.connection.getSnapshot()).toMatchObject({ state: 'online', wire: 'sse' })
  })

  it('give a newcomer its history from the server, although the leader has none', async () => {
    await openTabs(2)
    await emit(10)
    const late = await stage.open({}, false)
    const heard: number[] = []
    const observer = late.tab.run(() =>
      late.client.channels.ticks({ room: '1' }).observe({
        tail: 4,
        initial: [] as number[],
        reduce: { tick: (list, { n }) => [...list, n] },
        on: { tick: ({ n }) => heard.push(n) },
      }),
    )
    late.tab.run(() => observer.subscribe(() => {}))
    await stage.pass(3000)
    await emit(3)
    expect(observer.getSnapshot().data).toEqual([7, 8, 9, 10, 11, 12, 13])
    expect(heard).toEqual([11, 12, 13])
    expect(stage.network.streams).toHaveLength(1)
  })

  it('ask again where the leader has come to a channel later than the answer was made', async () => {
    const [, late] = (await openTabs(2)) as [Seat, Seat]
    const { network, realtime } = stage
    network.latency = ({ tab, path }, leg) => {
      if (path.endsWith('/stream')) return leg === 'out' ? 100 : 0
      return tab === late.tab && path.endsWith('/poll') && leg === 'back' ? 500 : 0
    }
    const heard: number[] = []
    late.tab.run(() => late.client.channels.ticks({ room: '2' }).on({ tick: ({ n }) => heard.push(n) }))
    await stage.pass(50)
    await realtime.channels.ticks({ room: '2' }).emit('tick', { n: 1 })
    await stage.pass(3000)
    expect(heard).toEqual([1])
  })

  it('publish in order, each under its own session, and hear each other once', async () => {
    const seats = await openTabs(3)
    await Promise.all([...seats.flatMap((seat) => upTo(5).map((n) => seat.say(n))), stage.pass(1000)])
    for (const { said } of seats) {
      expect(said).toHaveLength(15)
      for (const { tab } of seats)
        expect(said.filter((text) => text.startsWith(tab.name))).toEqual(upTo(5).map((n) => `${tab.name} ${n}`))
    }
  })

  it('hear the signals of the others, and not their own', async () => {
    const [first, second, third] = (await openTabs(3)) as [Seat, Seat, Seat]
    first.tab.run(() => first.client.channels.lobby({ room: '1' }).signal('waving', { from: 'first' }))
    await stage.pass(500)
    expect([first.waves, second.waves, third.waves]).toEqual([[], ['first'], ['first']])
  })

  it('pass a message on that is larger than comfortable', async () => {
    const seats = await openTabs(3)
    const before = stage.network.requests.length
    await stage.emit('x'.repeat(900_000))
    await stage.pass(500)
    await emit(3)
    for (const seat of seats) expect(seat.ticks).toEqual(upTo(4))
    expect(stage.network.requests.slice(before)).toEqual([])
  })

  it('leave nothing behind', async () => {
    const seats = await openTabs(3)
    const led = new Set<unknown>()
    while (led.size < seats.length) {
      const leader = leaderOf(seats)
      led.add(leader)
      leader.tab.freeze(true)
      await stage.pass(1000)
      leader.tab.wake(true)
      await stage.pass(1000)
    }
    for (const { client, tab } of stage.seats) tab.run(() => client.close())
    await stage.pass(5000)
    expect(stage.browser.lockCount).toBe(0)
    expect(stage.browser.channelCount).toBe(0)
    expect(stage.network.requests.filter(({ open }) => open)).toEqual([])
    for (const { tab } of seats)
      for (const type of ['freeze', 'resume', 'pagehide', 'pageshow', 'online'])
        expect(getEventListeners(tab.window, type)).toEqual([])
  })
})

describe('a view', () => {
  it('shows a command at once, and its own event takes the place of the guess, whichever tab leads', async () => {
    const seats = await openTabs(3)
    const views = seats.map((seat) => seat.openNotes())
    await stage.pass(3000)
    for (const [index, { note }] of views.entries()) {
      const noted = note(`note ${index}`)
      await stage.pass(500)
      expect(await noted).toEqual({ id: expect.any(String) })
    }
    const steps = [[], ['note 0'], ['note 0', 'note 1'], ['note 0', 'note 1', 'note 2']]
    for (const [index, { shown, own }] of views.entries()) {
      expect(shown).toEqual(steps)
      expect(own).toEqual([`note ${index}`])
    }
    expect(stage.network.streams).toHaveLength(1)
  })

  it('keeps what a command has shown where the leader stands still, and hears of it within seconds', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    const [follower, other] = othersThan(leader) as [Seat, Seat]
    const { note, shown } = follower.openNotes()
    const others = other.openNotes()
    await stage.pass(3000)
    leader.tab.freeze(false)
    const noted = note('hello')
    await stage.pass(2000)
    expect(stage.leader).toBe(leader.tab)
    expect(await noted).toEqual({ id: expect.any(String) })
    await stage.pass(20_000)
    for (const view of [shown, others.shown]) expect(view).toEqual([[], ['hello']])
  })

  it('shows every command once where the leader crashes before it has passed them on', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    const views = othersThan(leader).map((seat) => seat.openNotes())
    await stage.pass(3000)
    const noted = views.flatMap(({ note }, index) => upTo(5).map((n) => note(`${index}.${n}`)))
    await stage.pass(20)
    leader.tab.crash()
    await stage.pass(10_000)
    await Promise.all(noted)
    const [one, two] = views.map(({ shown }) => shown.at(-1) as readonly string[])
    expect(one).toEqual(two)
    expect([...(one as readonly string[])].sort()).toEqual(
      [0, 1].flatMap((index) => upTo(5).map((n) => `${index}.${n}`)),
    )
    // What was shown has never vanished.
    for (const { shown } of views)
      for (const [index, before] of shown.slice(0, -1).entries())
        for (const text of before) expect(shown[index + 1]).toContain(text)
  })
})

describe('a leader that goes', () => {
  it('by closing is followed at once, and nobody misses anything', async () => {
    const seats = await openTabs(4)
    const leader = leaderOf(seats)
    await emit(10)
    leader.tab.run(() => leader.client.close())
    await emit(30)
    for (const seat of othersThan(leader)) expect(seat.ticks).toEqual(upTo(40))
    expect(stage.network.streams).toHaveLength(1)
  })

  it('by crashing is followed at once, and nobody misses anything', async () => {
    const seats = await openTabs(4)
    const leader = leaderOf(seats)
    await emit(10)
    leader.tab.crash()
    await emit(30)
    await stage.pass(2500)
    for (const seat of othersThan(leader)) expect(seat.ticks).toEqual(upTo(40))
    expect(stage.network.streams).toHaveLength(1)
  })

  it('one after another: the last tab has heard everything', async () => {
    const seats = await openTabs(5)
    for (let left = 5; left > 1; left--) {
      await emit(7)
      leaderOf(seats).tab.crash()
    }
    await emit(7)
    await stage.pass(2500)
    const last = seats.find(({ tab }) => tab.alive) as Seat
    expect(last.ticks).toEqual(upTo(35))
  })

  it('by being frozen hands over before, and hears what it missed when it wakes', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    leader.tab.freeze(true)
    await emit(20, 100)
    for (const seat of othersThan(leader)) expect(seat.ticks).toEqual(upTo(20))
    leader.tab.wake(true)
    await stage.pass(3000)
    expect(leader.ticks).toEqual(upTo(20))
    expect(leaderOf(seats)).not.toBe(leader)
    expect(stage.network.streams).toHaveLength(1)
  })

  it('by standing still without a word is replaced, and is not listened to when it wakes', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    leader.tab.freeze(false)
    await emit(200, 100)
    for (const seat of othersThan(leader)) expect(seat.ticks).toEqual(upTo(200))
    expect(stage.leader).not.toBe(leader.tab)
    leader.tab.wake(false)
    await emit(50)
    await stage.pass(5000)
    for (const seat of seats) expect(seat.ticks).toEqual(upTo(250))
    expect(stage.network.streams).toHaveLength(1)
  })

  it('by standing still is replaced by tabs in the background too, whose timers are slow', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    for (const { tab } of seats) tab.slowMs = 60_000
    await stage.pass(120_000)
    expect(leaderOf(seats)).toBe(leader)
    leader.tab.freeze(false)
    await stage.pass(6 * 60_000)
    expect(stage.leader).not.toBe(leader.tab)
    await emit(5)
    for (const seat of othersThan(leader)) expect(seat.ticks).toEqual(upTo(5))
  })

  it('says nothing old when it wakes, not to those who have another one', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    const [one, other] = othersThan(leader) as [Seat, Seat]
    leader.tab.freeze(false)
    one.tab.run(() => one.client.channels.lobby({ room: '1' }).signal('waving', { from: 'long ago' }))
    await stage.pass(30_000)
    leader.tab.wake(false)
    await stage.pass(5000)
    expect(other.waves).toEqual([])
  })

  it('by being put aside is followed, and is one of the others when it is back', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    leader.tab.hide()
    await emit(20, 100)
    for (const seat of othersThan(leader)) expect(seat.ticks).toEqual(upTo(20))
    leader.tab.show()
    await stage.pass(3000)
    await emit(5)
    for (const seat of seats) expect(seat.ticks).toEqual(upTo(25))
    expect(stage.network.streams).toHaveLength(1)
  })

  it('in the middle of what others publish loses and repeats none of it', async () => {
    const seats = await openTabs(4)
    const leader = leaderOf(seats)
    const others = othersThan(leader)
    const publishing = others.flatMap((seat) => upTo(10).map((n) => seat.say(n)))
    leader.tab.crash()
    stage.network.cut()
    await stage.pass(10_000)
    await Promise.all(publishing)
    for (const { said } of others) {
      expect(said).toHaveLength(30)
      for (const { tab } of others)
        expect(said.filter((text) => text.startsWith(tab.name))).toEqual(upTo(10).map((n) => `${tab.name} ${n}`))
    }
  })

  it.each([2 ** 20, 2 ** 13])(
    'leaves more behind than fits on a page of %i bytes, and everybody catches up',
    async (bytes) => {
      await stage.close()
      stage = createStage(bytes)
      const seats = await openTabs(3)
      const leader = leaderOf(seats)
      const [sleeper] = othersThan(leader) as [Seat]
      sleeper.tab.freeze(true)
      leader.tab.crash()
      await emit(1000, 1)
      sleeper.tab.wake(true)
      // By itself: no event that comes later shows a hole.
      await stage.pass(5000)
      expect(sleeper.ticks).toEqual(upTo(1000))
      await emit(20)
      for (const seat of othersThan(leader)) expect(seat.ticks).toEqual(upTo(1020))
    },
  )

  it('is not replaced because a follower stood still', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    for (const seat of othersThan(leader)) seat.tab.freeze(false)
    await emit(100, 1000)
    for (const seat of othersThan(leader)) seat.tab.wake(false)
    await stage.pass(20_000)
    expect(leaderOf(seats)).toBe(leader)
    for (const seat of seats) expect(seat.ticks).toEqual(upTo(100))
  })

  it('is not replaced because the answer came while a follower stood still', async () => {
    const seats = await openTabs(3)
    const leader = leaderOf(seats)
    const { browser } = stage
    browser.messageMs = 500
    await stage.pass(6000)
    const before = browser.messages.length
    const asks = (): boolean => browser.messages.slice(before).some(({ message }) => 'tab' in message)
    while (!asks()) await stage.pass(10)
    for (const seat of othersThan(leader)) seat.tab.freeze(false)
    await stage.pass(60_000)
    for (const seat of othersThan(leader)) seat.tab.wake(false)
    await stage.pass(20_000)
    expect(leaderOf(seats)).toBe(leader)
  })
})

describe('who shares with whom', () => {
  it('tabs of different users do not', async () => {
    const anns = [await stage.open({ auth: () => 'ann' }), await stage.open({ auth: () => 'ann' })]
    const bobs = [await stage.open({ auth: () => 'bob' }), await stage.open({ auth: () => 'bob' })]
    await stage.pass(3000)
    expect(stage.network.streams).toHaveLength(2)
    await emit(5)
    for (const seat of [...anns, ...bobs]) expect(seat.ticks).toEqual(upTo(5))
  })

  it('tabs at different servers do not', async () => {
    await stage.open()
    await stage.open({ url: 'https://app.test/rt/' })
    await stage.open({ url: 'https://other.test/rt' })
    await stage.pass(3000)
    expect(stage.network.streams).toHaveLength(2)
  })

  it('tabs with different tokens of one user do', async () => {
    stage.users.set('token 1', 'ann').set('token 2', 'ann')
    await stage.open({ auth: () => 'token 1' })
    await stage.open({ auth: () => 'token 2' })
    await stage.pass(3000)
    expect(stage.network.streams).toHaveLength(1)
  })

  it('a tab whose user has changed goes to the others of that user', async () => {
    stage.network.cookie = 'ann'
    const seats = [await stage.open(), await stage.open()]
    const bob = await stage.open({ auth: () => 'bob' })
    await stage.pass(3000)
    expect(stage.network.streams).toHaveLength(2)
    stage.network.cookie = 'bob'
    // Whoever sends anything finds out, and so does the wire when it is opened anew.
    await Promise.all([seats[0]?.say(1), seats[1]?.say(1), stage.pass(5000)])
    stage.network.cut()
    await stage.pass(10_000)
    expect(stage.network.streams).toHaveLength(1)
    await emit(5)
    for (const seat of [...seats, bob]) expect(seat.ticks).toEqual(upTo(5))
  })

  it('nothing of a wire reaches tabs whose user it is no longer', async () => {
    stage.network.cookie = 'ann'
    const seats = [await stage.open(), await stage.open()]
    await stage.pass(3000)
    const [group] = stage.browser.messages.map(({ channel }) => channel)
    // The wire finds out before the tabs do.
    stage.network.latency = ({ path }, leg) => (path.endsWith('/poll') && leg === 'out' ? 2000 : 0)
    stage.network.cookie = 'bob'
    const before = stage.browser.messages.length
    stage.network.cut()
    await emit(5, 300)
    await stage.pass(20_000)
    const later = stage.browser.messages.slice(before)
    expect(later.filter(({ channel, message }) => channel === group && 'text' in message)).toEqual([])
    expect(later.some(({ channel }) => channel !== group)).toBe(true)
    for (const seat of seats) expect(seat.ticks).toEqual(upTo(5))
  })

  it('nor does anything of a wire that was opened for somebody else than the tab', async () => {
    let asked = 0
    // The first question is the tab's, the second the wire's.
    const leader = await stage.open({ auth: () => (++asked === 2 ? 'bob' : 'ann') })
    await stage.pass(1000)
    await emit(3)
    expect(stage.browser.messages.filter(({ message }) => 'text' in message)).toEqual([])
    const follower = await stage.open({ auth: () => 'ann' }, false)
    follower.tab.run(() =>
      follower.client.channels.ticks({ room: '1' }).on({ tick: ({ n }) => follower.ticks.push(n) }),
    )
    await stage.pass(10_000)
    await emit(3)
    expect(stage.network.streams).toHaveLength(1)
    expect(leader.ticks).toEqual(upTo(6))
    expect(follower.ticks).toEqual([4, 5, 6])
  })

  it('a tab that may not join a channel is told so, and the others go on', async () => {
    stage.users.set('full', 'ann').set('narrow', 'ann')
    stage.refusedJoins.add('narrow 1')
    const narrow = await stage.open({ auth: () => 'narrow' })
    const full = await stage.open({ auth: () => 'full' })
    await stage.pass(3000)
    expect(stage.leader).toBe(narrow.tab)
    const before = stage.network.requests.length
    await emit(60, 1000)
    await stage.pass(3000)
    expect(narrow.ticks).toEqual([])
    expect(full.ticks).toEqual(upTo(60))
    // The leader tries again now and then, and not with every poll of the other.
    const opened = stage.network.requests.slice(before).filter(({ path }) => path.endsWith('/stream'))
    expect(opened.length).toBeLessThanOrEqual(3)
  })

  it('without locks each tab has its own wire', async () => {
    stage.browser.hasLocks = false
    const seats = [await stage.open(), await stage.open()]
    await stage.pass(3000)
    expect(stage.network.streams).toHaveLength(2)
    await emit(3)
    for (const seat of seats) expect(seat.ticks).toEqual(upTo(3))
  })

  it('where locks are forbidden each tab has its own wire', async () => {
    stage.browser.forbidden = true
    const seats = [await stage.open(), await stage.open()]
    await stage.pass(5000)
    expect(stage.network.streams).toHaveLength(2)
    await emit(3)
    for (const seat of seats) {
      expect(seat.ticks).toEqual(upTo(3))
      expect(seat.client.connection.getSnapshot().wire).toBe('sse')
    }
  })
})

describe('a wire that breaks', () => {
  it('costs nobody an event', async () => {
    const seats = await openTabs(3)
    for (let round = 0; round < 10; round++) {
      await emit(5)
      stage.network.cut()
      await emit(5, 300)
    }
    await stage.pass(25_000)
    for (const seat of seats) {
      expect(seat.ticks).toEqual(upTo(100))
      expect(seat.gaps).toEqual([])
    }
    expect(stage.network.streams).toHaveLength(1)
  })

  it('is seen by every tab when the network is down, and so is its return', async () => {
    const seats = await openTabs(3)
    stage.network.down = true
    stage.network.cut()
    await emit(10, 1000)
    for (const { client } of seats) expect(client.connection.getSnapshot().state).not.toBe('online')
    stage.network.down = false
    await stage.pass(30_000)
    await emit(5)
    for (const seat of seats) {
      expect(seat.ticks).toEqual(upTo(15))
      expect(seat.client.connection.getSnapshot().state).toBe('online')
    }
    expect(stage.network.streams).toHaveLength(1)
  })
})

describe('presence', () => {
  it('shows each tab as a member of its own, held by one wire', async () => {
    const seats = await openTabs(3)
    for (const [index, seat] of seats.entries()) seat.enter(`tab ${index}`)
    await stage.pass(3000)
    const before = stage.network.requests.length
    // Several times as long as a value lives without a wire.
    await stage.pass(60_000)
    expect(stage.network.requests.slice(before).filter(({ path }) => path !== '/rt/send')).toEqual([])
    for (const seat of seats) expect(seat.members()).toEqual(['tab 0', 'tab 1', 'tab 2'])
  })

  it('does not flicker when the leader goes, and loses whoever crashes', async () => {
    const seats = await openTabs(3)
    for (const [index, seat] of seats.entries()) seat.enter(`tab ${index}`)
    await stage.pass(3000)
    const leader = leaderOf(seats)
    const [witness] = othersThan(leader) as [Seat]
    const seen = new Set<string>()
    const watching = setInterval(() => seen.add(witness.members().join()), 50)
    leader.tab.crash()
    await stage.pass(60_000)
    clearInterval(watching)
    const left = othersThan(leader).map((seat) => `tab ${seats.indexOf(seat)}`)
    expect([...seen]).toEqual(['tab 0,tab 1,tab 2', left.join()])
  })

  it('loses the leader at once that is closed, and nobody else', async () => {
    const seats = await openTabs(3)
    for (const [index, seat] of seats.entries()) seat.enter(`tab ${index}`)
    await stage.pass(3000)
    const leader = leaderOf(seats)
    const [witness, other] = othersThan(leader) as [Seat, Seat]
    leader.tab.run(() => leader.client.close())
    await stage.pass(1000)
    const left = seats.flatMap((seat, index) => (seat === leader ? [] : [`tab ${index}`]))
    expect(witness.members()).toEqual(left)
    await stage.pass(60_000)
    expect([witness.members(), other.members()]).toEqual([left, left])
  })

  it('loses a tab at once that is closed, and a follower that crashes after the grace', async () => {
    const seats = await openTabs(4)
    for (const [index, seat] of seats.entries()) seat.enter(`tab ${index}`)
    await stage.pass(3000)
    const leader = leaderOf(seats)
    const [closed, crashed, witness] = othersThan(leader) as [Seat, Seat, Seat]
    closed.tab.run(() => closed.client.close())
    await stage.pass(500)
    expect(witness.members()).toHaveLength(3)
    crashed.tab.crash()
    await stage.pass(15_000)
    expect(witness.members()).toHaveLength(2)
  })
})
