// A long run: rounds of messages over every wire, in which nodes and their store are killed, stopped and cut off. After each
// round everything comes to rest, and what happened is judged from the histories on disk.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { check, readHistories, STORE, type Verdict } from '../checker.ts'
import type { FleetProcess, RoundChannel } from '../processes/fleet.ts'
import { startChild } from '../processes/parent.ts'
import { within } from '../side.ts'
import type { Engine } from './engine.ts'
import { Mayhem, type Tally } from './mayhem.ts'
import { LEASE_MS, type Station, type StationNode, startStation, WIRES } from './station.ts'

/** What is run. */
export interface KillRunOptions {
  readonly rounds: number
  /** Seconds of messages in a round. */
  readonly seconds: number
  /** Clients per wire. */
  readonly perWire: number
  /** Messages each client publishes per second. */
  readonly rate: number
  readonly seed: number
  readonly onRound?: (report: RoundReport) => void
}

/** What became of a round. */
export interface RoundReport {
  readonly round: number
  /** What is not as promised, as sentences. */
  readonly broken: readonly string[]
  readonly sums: Sums
  /** Where the histories are, if something is broken. */
  readonly folder: string | undefined
}

/** Counts over all channels and readers. `sent` and `acked` count each message once. */
export interface Sums {
  readonly sent: number
  readonly acked: number
  readonly open: number
  readonly failed: number
  readonly delivered: number
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
  readonly strange: number
  readonly gaps: number
  readonly told: number
  readonly forgotten: number
  readonly again: number
  /** Members of a client and a node that were killed together, still present when their lease was over. */
  readonly ghosts: number
}

/** What became of a run. */
export interface KillReport {
  readonly engine: string
  readonly rounds: readonly RoundReport[]
  readonly sums: Sums
  readonly kills: number
  readonly tally: Tally
}

/** Milliseconds everything has for its end: beyond the longest time-out of a dead wire. */
const SETTLE_MS = 90_000
/** Milliseconds beyond its lease after which whoever is still present is a ghost: a reader, a reaper, a busy machine. */
const REAPER_MS = 3000

/** Runs it. */
export async function runKills(engine: Engine, options: KillRunOptions): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-kills-'))
  const clients = Object.fromEntries(
    WIRES.map((wire) => [wire, Array.from({ length: options.perWire }, (_, index) => `${wire}-${index}`)]),
  )
  const station = await startStation(engine, { folder, nodes: engine.nodes, clients })
  const random = mulberry32(options.seed)
  const mayhem = new Mayhem(station, random)
  const rounds: RoundReport[] = []
  try {
    for (let round = 1; round <= options.rounds; round++) {
      const own = join(folder, `round-${round}`)
      mkdirSync(own)
      const broken = await playRound(station, mayhem, { ...options, round, folder: own, clients })
      const verdicts = check(readHistories(own)).filter(({ reader }) => reader !== STORE)
      const { ghosts, ...rest } = broken
      const sums = sumUp(verdicts, ghosts)
      const sentences = [...rest.sentences, ...judge(verdicts, engine, ghosts)]
      if (sentences.length === 0) rmSync(own, { recursive: true, force: true })
      const report = { round, broken: sentences, sums, folder: sentences.length === 0 ? undefined : own }
      rounds.push(report)
      options.onRound?.(report)
    }
  } finally {
    await station.close()
    if (rounds.every(({ broken }) => broken.length === 0)) rmSync(folder, { recursive: true, force: true })
  }
  const sums = rounds.map((one) => one.sums).reduce(add, NOTHING)
  return { engine: engine.name, rounds, sums, kills: mayhem.kills, tally: mayhem.tally }
}

interface Round extends KillRunOptions {
  readonly round: number
  readonly folder: string
  readonly clients: Readonly<Record<string, readonly string[]>>
}

async function playRound(
  station: Station,
  mayhem: Mayhem,
  { round, folder, clients, perWire, rate, seconds }: Round,
): Promise<{ readonly sentences: readonly string[]; readonly ghosts: number }> {
  const sentences: string[] = []
  const run = `round-${round}`
  const group = (index: number): string => `${run}-${index}`
  const channels: RoundChannel[] = [
    { of: 'down', run },
    ...Array.from({ length: perWire }, (_, index) => ({ of: 'up' as const, run: group(index) })),
  ]
  const fleets = [...station.fleets]
  const late = await Promise.all(
    fleets.map(([wire, fleet]) => {
      const ids = clients[wire] ?? []
      const follows = Object.fromEntries(
        ids.map((id, index) => [id, channels.filter((one) => one.of === 'down' || one.run === group(index))]),
      )
      return fleet.call('begin', { folder, name: `fleet-${wire}`, follows, present: run, boundMs: SETTLE_MS })
    }),
  )
  sentences.push(...late.flat().map((who) => `${who} was never live`))

  const over = new AbortController()
  const count = Math.floor(seconds * rate)
  const disturbed = mayhem.run(over.signal)
  const endsAt = Date.now() + seconds * 1000
  const emitted = station.nodes.map((node) => emitUntil(node, { run, folder, endsAt }))
  const published = fleets.map(([wire, fleet]) =>
    fleet.call(
      'publish',
      (clients[wire] ?? []).map((id, index) => ({ id, run: group(index), count, everyMs: 1000 / rate })),
    ),
  )
  await sleep(seconds * 1000)
  over.abort()
  await disturbed
  await Promise.all(emitted)
  if ((await within(SETTLE_MS, Promise.all(published))) === undefined)
    sentences.push(`publishes were not answered ${SETTLE_MS} ms after everything was well`)

  const missing = await markAll(station, channels)
  sentences.push(...missing.map((who) => `${who} did not catch up`))
  for (const channel of channels) await station.nodes[0]?.child.call('readLog', { ...channel, folder })
  const ghosts = await countGhosts(station, mayhem, run, Object.values(clients).flat())
  return { sentences, ghosts }
}

/** Emits from a node, in whichever life it is, about 20 events a second. */
async function emitUntil(
  node: StationNode,
  { run, folder, endsAt }: { run: string; folder: string; endsAt: number },
): Promise<void> {
  for (let first = 1; Date.now() < endsAt; first += 10) {
    const { child } = node
    const ended = await child.call('emit', { run, folder, first, count: 10, everyMs: 50, inTurn: true }).then(
      () => false,
      () => true,
    )
    // Its end is noticed before its next life begins.
    while (ended && node.child === child && Date.now() < endsAt) await sleep(20)
  }
}

/** Puts an end mark into every channel until everybody has one. */
async function markAll(station: Station, channels: readonly RoundChannel[]): Promise<string[]> {
  const endsAt = Date.now() + SETTLE_MS
  for (let turn = 0; ; turn++) {
    const node = station.nodes[turn % station.nodes.length] as StationNode
    await Promise.all(
      channels.map(({ of, run }) => node.child.call('mark', { run, of, n: 1 }).catch(() => undefined)),
    )
    const missing = await Promise.all([...station.fleets.values()].map((fleet) => fleet.call('marked', 2000)))
    if (missing.flat().length === 0 || Date.now() > endsAt) return missing.flat()
  }
}

/**
 * Kills clients and a node together, so that nobody says goodbye, and counts who is still there when the lease is over.
 * Everybody else must be there, as the server sees it and as every client does.
 */
async function countGhosts(
  station: Station,
  mayhem: Mayhem,
  run: string,
  living: readonly string[],
): Promise<number> {
  const doomed = await startChild<FleetProcess>('fleet')
  const ids = WIRES.map((wire) => `doomed-${wire}`)
  for (const wire of WIRES) await doomed.call('open', { ids: [`doomed-${wire}`], port: station.front.port, wire })
  const folder = mkdtempSync(join(tmpdir(), 'triwire-doomed-'))
  const follows = Object.fromEntries(ids.map((id) => [id, [{ of: 'down' as const, run }]]))
  await doomed.call('begin', { folder, name: 'doomed', follows, present: run, boundMs: SETTLE_MS })
  const [witness, victim] =
    station.nodes.length > 1 ? station.nodes.slice(-2) : [station.nodes[0], station.nodes[0]]
  if (witness === undefined || victim === undefined) throw new Error('A run has a node.')
  const everybody = [...living, ...ids].sort().join(' ')
  const appearBy = Date.now() + SETTLE_MS
  for (;;) {
    const views = await viewsOf(station, witness, run)
    const wrong = Object.entries(views).filter(([, members]) => members.join(' ') !== everybody)
    if (wrong.length === 0) break
    if (Date.now() > appearBy) {
      const seen = wrong.map(([who, members]) => `${who} sees ${members.join(' ')}`)
      throw new Error(`Not everybody was seen present within ${SETTLE_MS} ms: ${seen.join('; ')}.`)
    }
    await sleep(50)
  }
  await Promise.all([doomed.kill(), station.replace(victim, 0)])
  mayhem.kills += 2
  rmSync(folder, { recursive: true, force: true })
  await sleep(LEASE_MS + REAPER_MS)
  const views = Object.values(await viewsOf(station, witness, run))
  return Math.max(...views.map((view) => view.filter((member) => !living.includes(member)).length))
}

/** Who is present, as a node says and as each client sees it. */
async function viewsOf(
  station: Station,
  witness: StationNode,
  run: string,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const views = await Promise.all([...station.fleets.values()].map((fleet) => fleet.call('present', undefined)))
  const server = await witness.child.call('members', run).catch(() => [])
  return Object.assign({ [witness.name]: server }, ...views)
}

/** What is broken, as sentences. */
function judge(verdicts: readonly Verdict[], engine: Engine, ghosts: number): string[] {
  const broken: string[] = ghosts === 0 ? [] : [`${ghosts} ghosts`]
  for (const verdict of verdicts) {
    const { channel, reader, lost, duplicated, reordered, strange, failed, again, forgotten, gaps } = verdict
    for (const [what, count] of Object.entries({ lost, duplicated, reordered, strange, failed }))
      if (count > 0) broken.push(`${reader} in ${channel}: ${count} ${what}`)
    if (engine.forgets) continue
    if (gaps.length > 0) broken.push(`${reader} in ${channel}: gaps [${gaps.join(', ')}] although nothing was lost`)
    for (const [what, count] of Object.entries({ again, forgotten }))
      if (count > 0) broken.push(`${reader} in ${channel}: ${count} ${what}`)
  }
  return broken
}

const NOTHING: Sums = {
  sent: 0,
  acked: 0,
  open: 0,
  failed: 0,
  delivered: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  strange: 0,
  gaps: 0,
  told: 0,
  forgotten: 0,
  again: 0,
  ghosts: 0,
}

function sumUp(verdicts: readonly Verdict[], ghosts: number): Sums {
  const channels = new Set<string>()
  let sums = NOTHING
  for (const verdict of verdicts) {
    const { channel, sent, acked, unanswered, failed, gaps } = verdict
    const { delivered, lost, duplicated, reordered, strange, told, again, forgotten } = verdict
    const once = channels.has(channel) ? NOTHING : { ...NOTHING, sent, acked, open: unanswered, failed }
    channels.add(channel)
    const each = {
      ...NOTHING,
      delivered,
      lost,
      duplicated,
      reordered,
      strange,
      told,
      again,
      forgotten,
      gaps: gaps.length,
    }
    sums = add(add(sums, once), each)
  }
  return { ...sums, ghosts }
}

/** Both together. */
export function add(one: Sums, other: Sums): Sums {
  const sum = Object.entries(one).map(([name, count]) => [name, count + other[name as keyof Sums]] as const)
  return Object.fromEntries(sum) as unknown as Sums
}

/** Numbers from 0 to 1 that depend on the seed alone. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
