// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are texts of a program.
/**
 * Faults that are planted into the real product to see whether the simulation notices. Each is a place of one file that
 * is replaced as the file is read; a place that is no longer there, or there twice, fails the test.
 */
import type { Patch } from './bundle.ts'

/** One planted fault. */
export interface Mutant extends Patch {
  readonly name: string
  /** What it breaks. */
  readonly why: string
}

const SUBSCRIPTION = 'packages/protocol/src/subscription.ts'
const OUTBOX = 'packages/protocol/src/outbox.ts'
const READER = 'packages/server/src/reader.ts'
const LIVE = 'packages/server/src/live-channel.ts'
const ATTACHMENT = 'packages/server/src/attachment.ts'
const STAYS = 'packages/server/src/stays.ts'
const PUBLISHER = 'packages/server/src/publisher.ts'
const COMMANDER = 'packages/server/src/commander.ts'
const LEASES = 'packages/server/src/presence-leases.ts'
const OUTLET = 'packages/server/src/outlet.ts'
const FOLLOWER = 'packages/client/src/follower.ts'

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'contiguity check off',
    why: 'A client takes any later event for the next one.',
    file: SUBSCRIPTION,
    find: "return previous === cursor.offset ? 'next' : 'hole'",
    replace: "return 'next'",
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
    name: 'ack before append',
    why: 'A publish is acknowledged before the store has it.',
    file: PUBLISHER,
    find: 'return await append(broker, resolved, line, producer, data, `${speaker.member}#${line.n}`)',
    replace:
      'void append(broker, resolved, line, producer, data, `${speaker.member}#${line.n}`).catch(() => {})\n    return { status: "duplicate", cursor: undefined }',
  },
  {
    name: 'producers are not known',
    why: 'A repetition is appended again.',
    file: PUBLISHER,
    find: 'data, cause, producer, history })',
    replace: 'data, cause, history })',
  },
  {
    name: 'refusals are not recorded',
    why: 'A refused number is not used up, so the next one is a gap for ever.',
    file: PUBLISHER,
    find: 'const outcome = await broker.refuse(line.ch, producer, error.code)',
    replace: "const outcome: AppendOutcome = { status: 'refused', code: error.code }",
  },
  {
    name: 'publishes overtake on the server',
    why: 'Publishes of a session to a channel run side by side.',
    file: PUBLISHER,
    find: 'const outcome = lane.tail.then(() => this.#handle(speaker, line))',
    replace: 'const outcome = this.#handle(speaker, { ...line, lo: line.n })',
  },
  {
    name: 'acks are dropped',
    why: 'The answer to a publish is never written.',
    file: ATTACHMENT,
    find: "this.write(encodeLine({ t: 'ack', ch, n, ...at }))",
    replace: 'void [ch, n, at]',
  },
  {
    name: 'publishing is not authorised',
    why: 'Whoever can name a channel can publish to it.',
    file: PUBLISHER,
    find: "await this.#app.authorize(resolved, identity, 'publish', line.e)",
    replace: '',
  },
  {
    name: 'resuming is not authorised',
    why: 'Whoever was in a channel once gets back in.',
    file: STAYS,
    find: 'channel = await this.#enter(resolved)',
    replace: 'channel = await (after === undefined ? this.#enter(resolved) : hub.openChannel(resolved))',
  },
  {
    name: 'joining is not authorised',
    why: 'Whoever can name a channel can read it.',
    file: STAYS,
    find: "await app.authorize(resolved, this.#host.speaker.identity, 'join')",
    replace: '',
  },
  {
    name: 'gap is swallowed by the server',
    why: 'A reader goes on behind a gap without a word.',
    file: READER,
    find: '    this.#writeGap(from, gap.reason, gap.next)\n',
    replace: '',
  },
  {
    name: 'reader goes live wherever it stands',
    why: 'A reader that has read one page believes that it stands at the head.',
    file: READER,
    find: 'return head.epoch === epoch && (head.offset < offset || (head.offset === offset && head.tag === tag))',
    replace: 'return head.epoch === epoch && offset >= 0 && tag !== ""',
  },
  {
    name: 'interruption is not verified',
    why: 'A node that was cut off from the store goes on as if it had missed nothing.',
    file: LIVE,
    find: 'async #handleInterrupted(): Promise<void> {',
    replace: 'async #handleInterrupted(): Promise<void> {\n    if (!this.#closed) return',
  },
  {
    name: 'lagging reader never wakes',
    why: 'A reader that waited for its connection is not told when it has drained.',
    file: READER,
    find: "if (this.#state === 'lagging') void this.#readOn()",
    replace: '',
  },
  {
    name: 'overlap is off by one',
    why: 'The last event that a snapshot may contain does not come as overlap.',
    file: READER,
    find: 'const overlap = overlapTo > at.offset ? { to: overlapTo } : {}',
    replace: 'const overlap = overlapTo - 1 > at.offset ? { to: overlapTo - 1 } : {}',
  },
  {
    name: 'snapshot position is read after the data',
    why: 'Events between the data and the position are in neither.',
    file: READER,
    find: 'return { data, at: head, head, own: false,',
    replace: 'return { data, at: after, head, own: false,',
  },
  {
    name: 'congestion is never seen',
    why: 'What waits for a slow client grows without bound.',
    file: OUTLET,
    find: 'if (this.overflowing) this.#congested = true',
    replace: 'if (this.#bytes < 0) this.#congested = true',
  },
  {
    name: 'claims are ignored',
    why: 'A repetition of a command that runs is run as well.',
    file: COMMANDER,
    find: "if (claim.status === 'claimed')",
    replace: "if (claim.status !== 'settled')",
  },
  {
    name: 'replies are not recorded',
    why: 'A repetition of a command that has run is run again.',
    file: COMMANDER,
    find: 'if (!(await broker.settle(line.ch, id, fence, reply, limits.rememberMs))) throw stillRunning()',
    replace: '',
  },
  {
    name: 'emitted events are not known again',
    why: 'A command that is run again emits its events again.',
    file: COMMANDER,
    find: 'await this.#app.emit(resolved, event, data, { cause: id, once })',
    replace: 'await this.#app.emit(resolved, event, data, { cause: id, once: `${once}.${Math.random()}` })',
  },
  {
    name: 'claims are not renewed',
    why: 'A handler that takes long is run a second time.',
    file: COMMANDER,
    find: 'const renewal = this.#wheel.repeat(LEASE_MS / 3,',
    replace: 'const renewal = this.#wheel.repeat(LEASE_MS * 100,',
  },
  {
    name: 'presence ends with any wire',
    why: 'The end of one wire takes the member away although another one holds it.',
    file: LEASES,
    find: 'broker.release(address, this.#member, this.#holder, graceMs).catch(',
    replace: 'broker.depart(address, this.#member, 2 ** 40).catch(',
  },
  {
    name: 'leases are not renewed',
    why: 'A member leaves after the first lease.',
    file: LEASES,
    find: 'this.#renewal ??= wheel.repeat(limits.presenceLeaseMs / 3,',
    replace: 'this.#renewal ??= wheel.repeat(limits.presenceLeaseMs * 100,',
  },
  {
    name: 'goodbye is not said',
    why: 'A member that leaves is still shown.',
    file: LEASES,
    find: '    this.#held.delete(address)\n    await this.#hub.broker.depart(address, this.#member, sequence)',
    replace: '    void [address, sequence]',
  },
  {
    name: 'followers see the events of others',
    why: 'A follower is given what lies before its own beginning.',
    file: FOLLOWER,
    find: 'if (cursor.epoch === position.epoch && cursor.offset <= position.offset) return false',
    replace: '',
  },
  {
    name: 'a channel is never closed on the node',
    why: 'Channels that nobody reads stay subscribed.',
    file: 'packages/server/src/hub.ts',
    find: '.then((channel) => channel.close())',
    replace: '.then(() => {})',
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
]
