/** Runs one schedule from beginning to end: trouble, healing, quiet, judgement, goodbye. */
import { BEGINNING, createActor } from '@triwire/test/parts'
import { heal, inflict } from './faults.ts'
import { judgeCalls, judgePresence, judgeSight } from './oracle.ts'
import type { Product } from './product.ts'
import { type ClientPlan, type Deed, isFault, type Script, type Step } from './script.ts'
import type { Sight } from './sight.ts'
import { type Violation, World } from './world.ts'

/** What became of a schedule. */
export interface Result {
  readonly violations: readonly Violation[]
  /** Equal runs have equal traces. */
  readonly trace: number
  readonly steps: number
  readonly virtualMs: number
  readonly observations: number
  readonly calls: number
  readonly gaps: number
  readonly peakBufferedBytes: number
}

/** Milliseconds after the healing at which everybody has caught up. */
const CAUGHT_UP_MS = 45_000
/** Milliseconds after the healing at which the last event is emitted, by which everybody can be judged. */
const LAST_EVENT_MS = 40_000
/** Milliseconds until nothing of a closed client is left anywhere: channels linger for 30 s. */
const FORGOTTEN_MS = 45_000
/** Steps of the clock beyond which a schedule counts as one that never ends. */
const MOST_STEPS = 400_000

/**
 * Sockets and streams that a client may ask for within ten seconds: back-off is drawn from zero, and wires race. Twice as
 * many where lines are lost, as each hole over SSE takes a stream.
 */
const MOST_TRIES = 30

/** Faults that may make a handler run twice, as a claim cannot survive them. */
const CLAIM_BREAKERS = new Set([
  'crash',
  'drain',
  'pause',
  'failover',
  'flush',
  'broker-down',
  'lost-answers',
  'broker-slow',
])

/** Runs a script. Must be called from a macrotask: microtasks run inside. */
export function runScript(script: Script, product: Product, tell?: (text: string) => void): Result {
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  const world = new World(script, product, tell)
  const { clock } = world
  try {
    for (const step of script.steps) clock.at(BEGINNING + step.at, world.stageActor, () => perform(world, step))
    const healAt = BEGINNING + script.healAt
    clock.at(healAt, world.stageActor, () => {
      world.note('all trouble ends')
      heal(world)
    })
    for (const delayMs of [2000, LAST_EVENT_MS])
      clock.at(healAt + delayMs, world.stageActor, () => {
        for (const { org, channel } of world.addresses) world.emit(org, channel, 1, 0, true)
      })
    runTo(world, healAt + CAUGHT_UP_MS)
    judge(world, healAt)
    closeAll(world)
  } finally {
    process.off('unhandledRejection', onUnhandled)
    // What still waits belongs to nobody.
    clock.current = createActor('nobody')
  }
  for (const error of unhandled)
    world.violate('no crash', `a rejection that nobody handled: ${String((error as Error)?.stack ?? error)}`)
  if (world.violations.length > 0) product.reset()
  return resultOf(world)
}

/** Whether a step is no reason for anybody to lose a connection. */
function leavesWiresAlone(step: Step): boolean {
  if (isFault(step)) return step.fault === 'drain' && step.gently === true
  return step.do !== 'wires' && step.do !== 'reload' && step.do !== 'close'
}

/** Whether a client has one connection for what it reads, and never another one because that was slow to open. */
function holdsWire({ script }: World, { client }: Sight): boolean {
  const { wires, latencyMs } = script.world.clients[client] as ClientPlan
  return !wires?.includes('polling') && latencyMs <= 120
}

/** Handlers are not told that their stay has ended, and a user who is let in again does not come back by itself. */
function mayHaveEnded({ script, app }: World, { how, user, address }: Sight): boolean {
  const wasShutOut = script.steps.some(
    (step) => isFault(step) && step.fault === 'forbid' && step.user === user && address.startsWith(step.channel),
  )
  return how === 'handlers' && wasShutOut && app.deniedSince(user, address) === undefined
}

function perform(world: World, step: Step): void {
  world.note(JSON.stringify(step))
  if (isFault(step)) inflict(world, step)
  else act(world, step)
}

function act(world: World, deed: Deed): void {
  if (deed.do === 'emit') world.emit(deed.org, deed.channel, deed.count, deed.bytes ?? 0)
  else if (deed.do === 'reload') reload(world, deed.client, deed.abrupt === true)
  else world.as(deed.client, (page) => page.perform(deed))
}

/** Another page takes the place of one, and follows what that one did. */
function reload(world: World, index: number, isAbrupt: boolean): void {
  const page = world.pages[index]
  if (page === undefined || page.closed) return
  const watching = [...page.slots.values()].map(({ deed }) => deed)
  // A machine that sleeps cannot say goodbye.
  const vanishes = isAbrupt || page.site.actor.paused
  if (vanishes) {
    page.vanish()
    world.clock.kill(page.site.actor)
    for (const connection of [...page.site.connections]) {
      connection.cut(false, true)
      connection.endClient()
    }
  } else world.as(index, () => page.close())
  const next = world.open(index, vanishes)
  world.clock.after(1, next.site.actor, () => {
    if (next.closed) return
    for (const deed of watching) if (deed.after === undefined) next.watch(deed)
  })
}

function runTo(world: World, time: number): void {
  const { clock } = world
  clock.at(time, world.stageActor, () => {})
  while (clock.now < time && clock.steps < MOST_STEPS) clock.step()
  if (clock.steps >= MOST_STEPS) world.violate('no crash', `it did not come to rest within ${MOST_STEPS} steps`)
}

function judge(world: World, healAt: number): void {
  const { history, app, script, allPages } = world
  const complain = world.violate.bind(world)
  const sights = allPages.flatMap((page) => page.sights)
  const isSeamless = script.steps.every(leavesWiresAlone)
  const linesWereLost = script.steps.some((step) => isFault(step) && step.fault === 'lost-events')
  for (const sight of sights) {
    if (sight.how === 'members' || beganInLostPast(world, sight)) continue
    const isExpected = app.deniedSince(sight.user, sight.address) === undefined && !mayHaveEnded(world, sight)
    judgeSight(
      sight,
      {
        history,
        snapshots: app.snapshots,
        ownCursor: script.world.ownCursor,
        linesWereLost,
        completeBy: isExpected && sight.startedAt < healAt ? healAt + LAST_EVENT_MS - 2000 : undefined,
      },
      complain,
    )
    if (sight.endedWith !== undefined) judgeEnd(world, sight)
    else if (
      isSeamless &&
      sight.lapses > 0 &&
      holdsWire(world, sight) &&
      !sight.observations.some(({ what }) => what === 'gap')
    )
      complain('seamless', `${sight.who}: ceased to be live ${sight.lapses} times`)
  }
  const truth = new Map<string, Map<string, unknown>>()
  for (const page of world.pages) {
    for (const [address, value] of page.shown) {
      const members = truth.get(address) ?? new Map<string, unknown>()
      truth.set(address, members.set(page.session, value))
    }
  }
  judgePresence(sights, truth, healAt + LAST_EVENT_MS - 2000, complain)
  const calls = allPages.flatMap((page) => page.calls)
  const mayRepeat = script.steps.some((step) => isFault(step) && CLAIM_BREAKERS.has(step.fault))
  judgeCalls(calls, history, app.executions, mayRepeat, complain)
  for (const page of allPages) {
    if (page.busiest > (linesWereLost ? 2 : 1) * MOST_TRIES)
      complain('no storm', `client ${page.session} asked for ${page.busiest} connections within ten seconds`)
    if (page.closed) continue
    // A handler may take its time, and a second one again where the first one's node has died. Over HTTP others wait.
    const isRunning = app.executions.some(
      ({ call, startedAt }) => startedAt > world.clock.now - 40_000 && page.calls.some(({ id }) => id === call),
    )
    for (const { id, kind, settledAt } of page.calls) {
      if (settledAt === undefined && !isRunning) complain('caught up', `${kind} ${id} has no answer`)
    }
    const { state, error } = page.client.connection.getSnapshot()
    if (state === 'closed') complain('no crash', `client ${page.session} gave up: ${error?.code} ${error?.message}`)
  }
}

/**
 * An open issue of the product, left out until it is settled: an iterator that begins behind a cursor of a lost past, on
 * a channel that its client reads already, is not told of the gap, because nobody asks the server about that cursor.
 */
function beganInLostPast({ history }: World, { after, address, startedAt }: Sight): boolean {
  const fact = after === undefined ? undefined : history.find(address, after)
  return fact?.lostAt !== undefined && fact.lostAt < startedAt + 2000
}

/** A stay may end because the app or the oracle's own world says so, and for no other reason. */
function judgeEnd(world: World, sight: Sight): void {
  const { endedWith, user, address, how, who, after } = sight
  if (sight.stoppedAt !== undefined) return
  const wasDenied = world.script.steps.some(
    (step) => isFault(step) && step.fault === 'forbid' && step.user === user,
  )
  const isForeign = !address.endsWith(`org=${sight.org}`)
  if (endedWith === 'forbidden' && (wasDenied || isForeign)) return
  if (how === 'iterator' && endedWith === 'gap') {
    const hasLoss =
      world.history.rewrites.length > 0 || world.history.factsOf(address).some(({ trimmed }) => trimmed)
    if (!hasLoss) world.violate('gaps', `${who}: ended with a gap, and nothing was ever lost`)
    return
  }
  if (how === 'iterator' && endedWith === 'bad_cursor' && after?.split(':')[0] !== world.history.epochOf(address))
    return
  world.violate('caught up', `${who}: its stay ended with ${endedWith}`)
}

/** Everybody goes; what is left then is a leak. */
function closeAll(world: World): void {
  const { clock } = world
  for (const [index, page] of world.pages.entries()) world.as(index, () => page.close())
  runTo(world, clock.now + FORGOTTEN_MS)
  for (const page of world.allPages) {
    const { actor, connections } = page.site
    if (!actor.alive) continue
    const left = `${actor.timers.size} timers and ${connections.size} connections`
    if (actor.timers.size + connections.size > 0)
      world.violate('clean end', `client ${page.session} was closed and has ${left}`)
    for (const { id, settledAt } of page.calls)
      if (settledAt === undefined) world.violate('clean end', `${id} never settled, although its client is closed`)
  }
  for (const { process } of world.places) {
    if (process === undefined) continue
    const { actor, connections } = process.site
    if (connections.size > 0)
      world.violate(
        'clean end',
        `${actor.name} has ${connections.size} connections and no clients: ${[...connections].map(({ kind, number }) => `${number} ${kind}`).join()}`,
      )
    if (process.broker.subscriptions > 0)
      world.violate('clean end', `${actor.name} has ${process.broker.subscriptions} subscriptions and no clients`)
  }
  for (const place of world.places) place.drain()
  runTo(world, clock.now + 35_000)
  for (const place of world.places)
    for (const { site } of place.closed)
      if (site.actor.timers.size > 0)
        world.violate('clean end', `${site.actor.name} was closed and has ${site.actor.timers.size} timers`)
  if (world.store.subscriptions > 0)
    world.violate('clean end', `the store has ${world.store.subscriptions} subscriptions and no nodes`)
}

function resultOf(world: World): Result {
  const { violations, trace, clock, allPages, peakBufferedBytes } = world
  const observations = allPages.flatMap(({ sights }) => sights).flatMap((sight) => sight.observations)
  return {
    violations,
    trace,
    steps: clock.steps,
    virtualMs: Math.round(clock.elapsed),
    observations: observations.length,
    calls: allPages.reduce((sum, { calls }) => sum + calls.length, 0),
    gaps: observations.filter(({ what }) => what === 'gap').length,
    peakBufferedBytes,
  }
}
