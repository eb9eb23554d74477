/**
 * Kills a process that appends, again and again, on one file, and checks after each kill what the file has:
 *
 * - every acknowledged append is in the log once, under the cursor that was acknowledged, and in its producer's order
 * - whatever was not acknowledged is in the log once or not at all, and its repetition is answered accordingly
 * - refused sequences stay refused, acknowledged replies are remembered, no epoch changes
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Cursor, parseCursor } from '@triwire/server'
import { type Durability, type SqliteBrokerHandle, sqlite } from '../../src/index.ts'
import { CHANNELS, isRefused, PRODUCERS } from './workload.ts'

/** What a run is told. */
export interface KillOptions {
  readonly path: string
  /** The bundled `appender.ts`. */
  readonly appender: string
  readonly kills: number
  readonly seed: number
  readonly durability: Durability
  readonly onRound?: (round: RoundReport) => void
}

/** What one round was. */
export interface RoundReport {
  readonly round: number
  /** Milliseconds from the start of the process, or from its first answer, to the kill. */
  readonly killedAfterMs: number
  readonly isEarly: boolean
  readonly acknowledged: number
  /** Found in the log although nobody was told. */
  readonly unacknowledged: number
  /** Sequences that were repeated after an earlier kill and found to be in the log already. */
  readonly repeated: number
  readonly replies: number
  readonly entries: number
}

/** What is known of one channel. */
interface Known {
  epoch: string | undefined
  verified: Cursor | undefined
  /** By producer and sequence: the cursor in the log. */
  readonly logged: Map<string, string>
  readonly last: Map<string, number>
  readonly answered: Map<string, number>
  readonly replies: string[]
}

/** Runs it. @throws Error with what is wrong, at the first thing that is */
export async function runKills(options: KillOptions): Promise<readonly RoundReport[]> {
  const { kills, seed, path, durability, appender, onRound } = options
  const random = createRandom(seed)
  const known = new Map(CHANNELS.map((channel) => [channel, createKnown()]))
  const reports: RoundReport[] = []
  for (let round = 1; round <= kills; round++) {
    const isEarly = random() < 0.2
    const killedAfterMs = Math.floor(random() * (isEarly ? 150 : 300))
    const lowest = Object.fromEntries(
      Array.from(known, ([channel, { answered }]) => [
        channel,
        Object.fromEntries(PRODUCERS.map((producer) => [producer, (answered.get(producer) ?? 0) + 1])),
      ]),
    )
    const task = JSON.stringify({ path, durability, round, lowest })
    const lines = await killOne(appender, task, killedAfterMs, isEarly)
    const broker = sqlite({ path, durability })
    try {
      const report = await verify(broker, known, lines)
      reports.push({ round, killedAfterMs, isEarly, ...report })
    } finally {
      await broker.close()
    }
    onRound?.(reports.at(-1) as RoundReport)
  }
  return reports
}

/** Starts the appender, kills it, and returns what it has said. */
async function killOne(appender: string, task: string, afterMs: number, isEarly: boolean): Promise<string[]> {
  const child = spawn(process.execPath, [appender, task], { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = (): void => void setTimeout(() => child.kill('SIGKILL'), afterMs)
  let output = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    if (output === '' && !isEarly) kill()
    output += text
  })
  if (isEarly) kill()
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`The appender ended by itself with ${code ?? signal}.`)
  // The last line may be half of one.
  return output.split('\n').slice(0, -1)
}

async function verify(
  broker: SqliteBrokerHandle,
  known: ReadonlyMap<string, Known>,
  lines: readonly string[],
): Promise<Omit<RoundReport, 'round' | 'killedAfterMs' | 'isEarly'>> {
  let entries = 0
  for (const [channel, state] of known) entries += await readOn(broker, channel, state)
  let acknowledged = 0
  let repeated = 0
  let replies = 0
  for (const line of lines) {
    const [kind, channel = '', ...words] = line.split(' ')
    const state = known.get(channel)
    if (state === undefined) throw new Error(`What is "${line}"?`)
    if (kind === 'settled') {
      state.replies.push(words[0] ?? '')
      replies++
      continue
    }
    const [producer = '', sequence = '', status, cursor = ''] = words
    const before = state.answered.get(producer) ?? 0
    if (Number(sequence) !== before + 1) throw new Error(`Not the next answer after ${before}: ${line}`)
    state.answered.set(producer, Number(sequence))
    if (isRefused(Number(sequence))) {
      if (status !== 'refused') throw new Error(`Not refused: ${line}`)
      continue
    }
    if (status !== 'appended' && status !== 'duplicate') throw new Error(`Neither appended nor there: ${line}`)
    const found = state.logged.get(`${producer} ${sequence}`)
    if (found !== cursor) throw new Error(`Acknowledged as ${line}, but in the log as ${found}.`)
    if (status === 'appended') acknowledged++
    else repeated++
  }
  let unacknowledged = 0
  for (const [channel, state] of known) {
    for (const [producer, last] of state.last) {
      const answered = state.answered.get(producer) ?? 0
      for (let sequence = answered + 1; sequence <= last; sequence++) if (!isRefused(sequence)) unacknowledged++
      // The order of a producer: whatever is answered is in the log, up to there without a hole (see `readOn`).
      if (last < answered && !isRefused(answered)) throw new Error(`${producer} ${answered} is lost in ${channel}.`)
    }
    await verifyReplies(broker, channel, state)
  }
  return { acknowledged, unacknowledged, repeated, replies, entries }
}

/** Reads what is new in a log, and finds every producer's sequences once, in order and without a hole. */
async function readOn(broker: SqliteBrokerHandle, channel: string, state: Known): Promise<number> {
  let count = 0
  for (;;) {
    const page = await broker.read(channel, {
      ...(state.verified ? { after: state.verified } : { tail: 1_000_000 }),
      limit: 1000,
      bytes: 1024 * 1024,
    })
    if (page.status !== 'page') throw new Error(`A gap in ${channel}: ${page.reason}.`)
    if (page.head.offset > 0) state.epoch ??= page.head.epoch
    if (state.epoch !== undefined && page.head.epoch !== state.epoch) throw new Error(`${channel} has a new epoch.`)
    let before = page.from
    for (const { cursor, data } of page.entries) {
      if (cursor.offset !== before.offset + 1) throw new Error(`A hole in ${channel} behind ${before.offset}.`)
      before = cursor
      const { producer, sequence } = JSON.parse(data) as { producer: string; sequence: number }
      const last = state.last.get(producer) ?? 0
      const next = isRefused(last + 1) ? last + 2 : last + 1
      if (sequence !== next) throw new Error(`${producer} of ${channel}: expected ${next}, found ${sequence}.`)
      state.last.set(producer, sequence)
      state.logged.set(`${producer} ${sequence}`, `${cursor.epoch}:${cursor.offset}:${cursor.tag}`)
      count++
    }
    if (page.entries.length === 0) return count
    state.verified = parseCursor(`${before.epoch}:${before.offset}:${before.tag}`)
  }
}

async function verifyReplies(broker: SqliteBrokerHandle, channel: string, { replies }: Known): Promise<void> {
  const found = await Promise.all(replies.map((id) => broker.settled(channel, id, 0)))
  found.forEach((outcome, index) => {
    const isThere =
      outcome.status === 'settled' && outcome.reply.ok && JSON.parse(outcome.reply.data) === replies[index]
    if (!isThere)
      throw new Error(`The reply of ${replies[index]} in ${channel} is lost: ${JSON.stringify(outcome)}`)
  })
  // Once is enough: the newest are those a kill could have cost.
  replies.length = 0
}

function createKnown(): Known {
  const [logged, last, answered] = [new Map(), new Map(), new Map()]
  return { epoch: undefined, verified: undefined, logged, last, answered, replies: [] }
}

/** Mulberry32: the same numbers for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
