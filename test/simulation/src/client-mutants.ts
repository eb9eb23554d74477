/** Faults for the client and the session: see `mutants.ts`. */
import type { Mutant } from './mutants.ts'

const SUBSCRIPTION = 'packages/protocol/src/subscription.ts'
const SESSION = 'packages/protocol/src/session.ts'
const OUTBOX = 'packages/protocol/src/outbox.ts'
const DRIVER = 'packages/client/src/driver.ts'
const LINK = 'packages/client/src/link.ts'
const FOLLOWER = 'packages/client/src/follower.ts'

export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'contiguity check off',
    why: 'A client takes any later event for the next one.',
    file: SUBSCRIPTION,
    find: 'return previous === cursor.offset && this.#rewind',
    replace: 'return this.#rewind',
  },
  {
    name: 'hole is not joined again',
    why: 'A client that notices a hole does nothing about it.',
    file: SUBSCRIPTION,
    find: 'this.needsJoin ||= this.asked === undefined',
    replace: 'this.needsJoin ||= false',
  },
  {
    name: 'cursor is forgotten',
    why: 'A client that comes back joins as if it had never been there.',
    file: SUBSCRIPTION,
    find: 'after: after && formatCursor(after),',
    replace: 'after: start ? after && formatCursor(after) : undefined,',
  },
  {
    name: 'gap is swallowed by the client',
    why: 'A client goes on behind a gap and tells nobody.',
    file: SUBSCRIPTION,
    find: 'return isNew\n',
    replace: 'return false\n',
  },
  {
    name: 'joined numbers are ignored',
    why: 'The answer to an older join counts as the one to the newest.',
    file: SUBSCRIPTION,
    find: 'if (j !== this.number || j === 0 ||',
    replace: 'if (j === 0 ||',
  },
  {
    name: 'outbox is not resent',
    why: 'What was written to a wire that broke is not written again.',
    file: OUTBOX,
    find: 'for (const entry of this.#entries.values()) entry.dueAt = entry.writings = 0',
    replace: 'for (const entry of this.#entries.values()) entry.writings = 0',
  },
  {
    name: 'lowest number is not said',
    why: 'A store that knows nothing of the session cannot tell where it goes on.',
    file: OUTBOX,
    find: 'const line = lo === sequence ? text :',
    replace: 'const line = lo !== -1 ? text :',
  },
  {
    name: 'refused publishes are sent again for ever',
    why: 'A final refusal does not settle its publish.',
    file: OUTBOX,
    find: 'if (entry === undefined || retryMs === undefined) return this.settle(key)',
    replace: 'if (entry === undefined) return this.settle(key)\n    retryMs ??= 500',
  },
  {
    name: 'followers see the events of others',
    why: 'A follower is given what lies before its own beginning.',
    file: FOLLOWER,
    find: 'if (cursor.epoch === position.epoch && cursor.offset <= position.offset) return false',
    replace: '',
  },
  {
    name: 'refused channel holds up publishes',
    why: 'A channel that is refused leaves its join without an answer.',
    file: SUBSCRIPTION,
    find: 'this.needsJoin = false\n    this.asked = undefined\n    this.retryAt = undefined',
    replace: 'this.needsJoin = false\n    this.retryAt = undefined',
  },
  {
    name: 'unchanged presence is not synced',
    why: 'After a reconnect presence waits for a set that nobody sends.',
    file: 'packages/client/src/channel-store.ts',
    find: 'this.membersCurrent ||= this.#membersKnown',
    replace: '',
  },
  {
    name: 'iterator begins where others do',
    why: 'An iterator is given what lies before its own cursor.',
    file: FOLLOWER,
    find: "this.begin(who === 'gap' ? at : this.#beginningFrom(at))",
    replace: 'this.begin(at)',
  },
  {
    name: 'joins are not repeated by a successor',
    why: 'A wire that takes over is never told which channels it is for.',
    file: DRIVER,
    find: 'this.#carrier = pipe\n      this.session.handleRejoin()',
    replace: 'this.#carrier = pipe',
  },
  {
    name: 'unanswered lines are not repeated by a successor',
    why: 'What the replaced wire was given and did not answer is not written again.',
    file: DRIVER,
    find: 'if (this.#carrier || writer.attempt.since === undefined) this.session.handleMoved()',
    replace: 'if (this.#carrier || writer.attempt.since === undefined) {\n      }',
  },
  {
    name: 'presence value that was lost is not said again',
    why: 'A store that has lost a value shows the one before for as long as the stream lasts.',
    file: SESSION,
    find: 'before !== JSON.stringify(members.get(me)))',
    replace: 'before === undefined)',
  },
  {
    name: 'old wire is let go before the new one has joined',
    why: 'A successor is in use as soon as it is welcomed.',
    file: LINK,
    find: 'this.#state = { ...state, succession: { ...succession, ...phase } }',
    replace: 'void [succession, phase]\n      this.#use(attempt, now)',
  },
  {
    name: 'winner of a race may lack the newest join',
    why: 'A wire that was opened before a channel was asked for counts as having asked.',
    file: DRIVER,
    find: 'pipe.joins === this.session.joins',
    replace: 'pipe.joins >= 0',
  },
  {
    name: 'tag at the own position is not looked at',
    why: 'A client whose position the log has rewritten takes what follows for the next.',
    file: SUBSCRIPTION,
    find: 'this.#parted ||= offset === cursor.offset && at.tag !== cursor.tag',
    replace: 'void this.#parted',
  },
  {
    name: 'silence never ends a wire',
    why: 'A half-open connection is trusted for ever.',
    file: LINK,
    find: '    attempt.until = now + patienceMs\n',
    replace: '    attempt.until = now + patienceMs * 1000\n',
  },
  {
    name: 'goodbye in time is ignored',
    why: 'A client that is asked to go elsewhere waits until it is thrown out.',
    file: DRIVER,
    find: 'else this.#link.handleLeaving(pipe.attempt, delivery.error, now)\n          break\n        default',
    replace: 'break\n        default',
  },
  {
    name: 'no back-off',
    why: 'Where nothing works, a client tries again at once, for ever.',
    file: LINK,
    find: 'return backoffMs(attempt, this.#options.random(), this.#options.backoff)',
    replace: 'return attempt * 0',
  },
]
