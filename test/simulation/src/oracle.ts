/**
 * Judges what followers saw and what callers were told by the truth that the broker model kept. It uses nothing of the
 * product: a cursor is only a name here, and what comes behind what is what the history says.
 */
import type { Execution } from './app.ts'
import type { Fact, History } from './history.ts'
import type { Invariant } from './invariants.ts'
import type { Call, Observation, Sight } from './sight.ts'

/** What is told of each violation. */
export type Complain = (invariant: Invariant, message: string) => void

/** What a sight is judged by. */
export interface SightContext {
  readonly history: History
  /** The last event that each snapshot contains. */
  readonly snapshots: readonly (Fact | undefined)[]
  /** Whether snapshots come with their own position, so that nothing can overlap. */
  readonly ownCursor: boolean
  /** Whether a proxy has taken events out of streams, so that a server cannot know where its client stands. */
  readonly linesWereLost: boolean
  /** When it is judged, and by when everything logged must have been seen; undefined where nobody can expect that. */
  readonly completeBy: number | undefined
}

/** Where a follower stands, as far as an outsider can tell. */
type Position =
  /** Somewhere, but everything logged after `since` must come. */
  | { readonly known: 'since'; readonly since: number }
  | { readonly known: 'at'; readonly fact: Fact | undefined; readonly epoch: string }
  /** At or before the last event of a snapshot. */
  | { readonly known: 'snapshot'; readonly last: Fact | undefined; readonly since: number }

/** Judges one follower of events. */
export function judgeSight(sight: Sight, context: SightContext, complain: Complain): void {
  const { history, snapshots } = context
  const { address, who } = sight
  const seen = new Set<string>()
  const names = new Map<string, Fact>()
  const bad = (invariant: Invariant, message: string): void => complain(invariant, `${who}: ${message}`)
  let position: Position = { known: 'since', since: sight.liveAt ?? Number.POSITIVE_INFINITY }
  let snapshot: Fact | undefined
  let lastGap: string | undefined
  if (sight.after !== undefined) position = positionAt(history, address, sight.after)

  for (const observation of sight.observations) {
    switch (observation.what) {
      case 'event': {
        const fact = history.find(address, observation.cursor)
        if (fact === undefined || fact.id !== observation.id) {
          bad('contiguous', `${observation.id} at ${observation.cursor} was never logged`)
          break
        }
        const twin = names.get(fact.id)
        if (seen.has(fact.cursor)) bad('no duplicates', `${fact.id} at ${fact.cursor} came twice`)
        else {
          if (twin !== undefined && (twin.lostAt === undefined || twin.lostAt > observation.at))
            bad('no duplicates', `${fact.id} came at ${twin.cursor} and at ${fact.cursor}`)
          judgeNext(fact, position, bad)
        }
        if (sight.how === 'snapshot' && snapshot !== undefined && isWithin(fact, snapshot)) {
          if (!observation.overlap && !isRewritten(snapshot, observation.at))
            bad('snapshots', `${fact.id} is in the snapshot up to ${snapshot.cursor} and came without overlap`)
          if (context.ownCursor && fact.lostAt === undefined)
            bad('snapshots', `${fact.id} came although the snapshot began behind it`)
        }
        seen.add(fact.cursor)
        names.set(fact.id, fact)
        position = { known: 'at', fact, epoch: fact.epoch }
        lastGap = undefined
        break
      }
      case 'gap':
        judgeGap(observation, address, history, lastGap, bad)
        if (position.known === 'at' && observation.from !== undefined) {
          const from = partsOf(observation.from)
          const offset = position.fact?.offset ?? 0
          // A little before is fair: events may have been under way when the channel was joined again.
          if (from.epoch === position.epoch && from.offset > offset && !context.linesWereLost)
            bad('gaps', `a gap begins at ${observation.from} and it stood at ${position.fact?.cursor ?? '0'}`)
        }
        lastGap = observation.from
        position =
          observation.to === undefined
            ? { known: 'since', since: observation.at }
            : positionAt(history, address, observation.to)
        break
      case 'snapshot':
        snapshot = snapshots[observation.taken]
        position = { known: 'snapshot', last: snapshot, since: observation.at }
        names.clear()
        seen.clear()
        break
      case 'start':
        position = { known: 'since', since: Number.POSITIVE_INFINITY }
        names.clear()
        seen.clear()
    }
  }
  if (context.completeBy !== undefined && sight.endedWith === undefined && sight.stoppedAt === undefined)
    judgeCompleteness(sight, position, context, context.completeBy, bad)
}

type Bad = (invariant: Invariant, message: string) => void

function judgeNext(fact: Fact, position: Position, bad: Bad): void {
  const { parent } = fact
  const stands = (one: Fact | undefined): string => one?.cursor ?? 'the beginning'
  switch (position.known) {
    case 'at':
      if (parent !== position.fact || fact.epoch !== position.epoch)
        bad(
          'contiguous',
          `${fact.id} at ${fact.cursor} follows ${stands(parent)}, and it stood at ${stands(position.fact)}`,
        )
      return
    case 'since':
      if (parent !== undefined && parent.at > position.since && parent.lostAt === undefined)
        bad('contiguous', `${fact.id} at ${fact.cursor} came, and ${parent.id} before it never did`)
      return
    case 'snapshot': {
      const { last } = position
      if (last !== undefined && last.lostAt !== undefined) return
      const follows = parent === undefined || isWithin(parent, last)
      if (
        !follows &&
        !(last === undefined && parent !== undefined && parent.at <= position.since && parent.lostAt !== undefined)
      )
        bad('contiguous', `${fact.id} at ${fact.cursor} came behind a snapshot that ends at ${stands(last)}`)
    }
  }
}

function judgeGap(
  gap: Extract<Observation, { readonly what: 'gap' }>,
  address: string,
  history: History,
  lastGap: string | undefined,
  bad: Bad,
): void {
  const { from, to, reason } = gap
  if (from === undefined) return
  if (from === lastGap) bad('gaps', `the gap at ${from} was told twice`)
  const { epoch, offset } = partsOf(from)
  const fact = history.find(address, from)
  // What is trimmed while a newcomer is brought to where the others stand counts for them all, up to where the gap ends.
  const end = to === undefined ? offset : partsOf(to).offset
  const isTrimmed = ({ offset: one, trimmed }: Fact): boolean =>
    trimmed && (one === offset + 1 || (one <= offset && end > offset))
  // A reader may stand on what is left, and others of its client on what is lost. So may the server, where lines were lost.
  const isLostTail = (one: Fact | undefined): boolean => one?.lostAt !== undefined
  const isLostBehind = (one: Fact): boolean => one.epoch === epoch && one.offset > offset && isLostTail(one)
  const isTrue =
    reason === 'new_epoch'
      ? epoch !== history.epochOf(address)
      : reason === 'lost_tail'
        ? isLostTail(fact) || history.factsOf(address).some(isLostBehind)
        : reason === 'trimmed' && history.factsOf(address).some((one) => one.epoch === epoch && isTrimmed(one))
  if (!isTrue) bad('gaps', `a gap (${reason}) at ${from}, and nothing was lost behind it`)
}

function judgeCompleteness(
  sight: Sight,
  position: Position,
  context: SightContext,
  completeBy: number,
  bad: Bad,
): void {
  const head = context.history.headOf(sight.address)
  const missing = (): void => {
    const where = position.known === 'at' ? (position.fact?.cursor ?? 'the beginning') : position.known
    bad('caught up', `the log ends with ${head?.id} at ${head?.cursor}, and it stands at ${where}`)
  }
  if (head === undefined) return
  if (position.known === 'at') {
    if (position.fact !== head) missing()
  } else if (position.known === 'since') {
    if (head.at > Math.min(position.since, completeBy)) missing()
  } else if (!isWithin(head, position.last)) missing()
  if ((sight.how === 'fold' || sight.how === 'snapshot') && !sight.isLive && sight.turnedAt < completeBy)
    bad('caught up', 'its state does not show as live')
  if (sight.how === 'snapshot') {
    const log = context.history.logOf(sight.address).map(({ id }) => id)
    if (log.join() !== sight.state.join())
      bad('snapshots', `its state is ${sight.state.join()}, and the log is ${log.join()}`)
  }
}

/** Judges who is present: every watcher against the truth. */
export function judgePresence(
  sights: readonly Sight[],
  truth: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
  completeBy: number,
  complain: Complain,
): void {
  const show = (members: ReadonlyMap<string, unknown> | undefined): string =>
    [...(members ?? [])]
      .map(([who, value]) => `${who}=${String(value)}`)
      .sort()
      .join(' ')
  for (const sight of sights) {
    if (sight.how !== 'members' || sight.stoppedAt !== undefined || sight.endedWith !== undefined) continue
    const expected = show(truth.get(sight.address))
    const shown = show(sight.members)
    if (!sight.isLive && sight.turnedAt < completeBy)
      complain('caught up', `${sight.who}: the members do not show as up to date`)
    if (shown !== expected) complain('presence', `${sight.who}: shows [${shown}], and [${expected}] are there`)
  }
}

/** Codes that say for good that something has not happened. */
const UNKNOWN_OUTCOME = new Set(['deadline', 'closed', 'outcome_unknown', 'unauthorized'])

/** Judges what became of publishes and commands. */
export function judgeCalls(
  calls: readonly Call[],
  history: History,
  executions: readonly Execution[],
  mayRepeat: boolean,
  complain: Complain,
): void {
  for (const call of calls) {
    if (call.kind === 'publish') judgePublish(call, history, complain)
    else judgeCommand(call, history, executions, mayRepeat, complain)
  }
  judgeOrder(calls, history, complain)
}

function judgePublish({ id, address, outcome, expects }: Call, history: History, complain: Complain): void {
  const facts = history.factsOf(address).filter((fact) => fact.id === id)
  const kept = facts.filter(({ lostAt }) => lostAt === undefined)
  if (kept.length > 1) complain('acked once', `${id} is in the log ${kept.length} times`)
  if (outcome === 'ok') {
    if (facts.length === 0) complain('acked once', `${id} was acknowledged and never logged`)
    if (expects === 'refusal') complain('refused never', `${id} had to be refused and was acknowledged`)
  } else if (outcome !== undefined && !UNKNOWN_OUTCOME.has(outcome)) {
    if (kept.length > 0) complain('refused never', `${id} failed with ${outcome} and is in the log`)
    if (expects === 'success' && outcome !== 'forbidden') complain('acked once', `${id} failed with ${outcome}`)
  }
  if (expects === 'refusal' && facts.length > 0) complain('refused never', `${id} had to be refused and was logged`)
}

function judgeCommand(
  call: Call,
  history: History,
  executions: readonly Execution[],
  mayRepeat: boolean,
  complain: Complain,
): void {
  const { id, address, outcome, expects, count, reply } = call
  const runs = executions.filter((execution) => execution.call === id)
  const names = new Set(runs.map((run) => run.id))
  if (names.size > 1) complain('commands', `${id} ran under several identities: ${[...names].join(', ')}`)
  if (runs.length > 1 && !mayRepeat)
    complain('commands', `${id} ran ${runs.length} times, and no node or store failed`)
  const facts = history.factsOf(address).filter((fact) => fact.id.startsWith(`${id}.`))
  for (let index = 0; index < count; index++) {
    const own = facts.filter((fact) => fact.id === `${id}.${index}`)
    const kept = own.filter(({ lostAt }) => lostAt === undefined)
    if (kept.length > 1) complain('commands', `${id} emitted event ${index} ${kept.length} times`)
    if (outcome === 'ok' && own.length === 0) complain('commands', `${id} was answered without its event ${index}`)
  }
  if (outcome === 'ok') {
    if (!runs.some((run) => run.reply !== undefined && run.reply === reply))
      complain('commands', `${id} was answered "${reply}", which no handler returned`)
    if (expects !== 'success') complain('commands', `${id} had to fail and did not`)
  } else if (outcome !== undefined && !UNKNOWN_OUTCOME.has(outcome)) {
    const expected = expects === 'refusal' ? 'refused' : 'handler_failed'
    if (expects === 'success' || outcome !== expected) complain('commands', `${id} failed with ${outcome}`)
  }
}

/** Each session's publishes to a channel, in the order of the log. */
function judgeOrder(calls: readonly Call[], history: History, complain: Complain): void {
  const order = new Map<string, number>()
  const channels = new Set<string>()
  for (const [index, { kind, id, address }] of calls.entries()) {
    if (kind !== 'publish') continue
    order.set(id, index)
    channels.add(address)
  }
  const sessionOf = new Map(calls.map(({ id, session }) => [id, session]))
  for (const address of channels) {
    const last = new Map<string, { readonly index: number; readonly id: string }>()
    for (const { id } of history.logOf(address)) {
      const index = order.get(id)
      const session = sessionOf.get(id)
      if (index === undefined || session === undefined) continue
      const before = last.get(session)
      if (before !== undefined && before.index > index)
        complain('fifo', `${id} is in the log behind ${before.id}, which was published after it`)
      last.set(session, { index, id })
    }
  }
}

function positionAt(history: History, address: string, cursor: string): Position {
  const { epoch } = partsOf(cursor)
  return { known: 'at', fact: history.find(address, cursor), epoch }
}

function partsOf(cursor: string): { readonly epoch: string; readonly offset: number } {
  const [epoch = '', offset] = cursor.split(':')
  return { epoch, offset: Number(offset) }
}

/** Whether an event is the last one of a snapshot or comes before it. */
function isWithin(fact: Fact, last: Fact | undefined): boolean {
  for (let one = last; one !== undefined && one.offset >= fact.offset; one = one.parent)
    if (one === fact) return true
  return false
}

function isRewritten(fact: Fact, by: number): boolean {
  return fact.lostAt !== undefined && fact.lostAt <= by
}
