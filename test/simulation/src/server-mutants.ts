// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are texts of a program.
/** Faults for the server: see `mutants.ts`. */
import type { Mutant } from './mutants.ts'

const READER = 'packages/server/src/reader.ts'
const LIVE = 'packages/server/src/live-channel.ts'
const ATTACHMENT = 'packages/server/src/attachment.ts'
const STAYS = 'packages/server/src/stays.ts'
const PUBLISHER = 'packages/server/src/publisher.ts'
const COMMANDER = 'packages/server/src/commander.ts'
const LEASES = 'packages/server/src/presence-leases.ts'
const OUTLET = 'packages/server/src/outlet.ts'
const CONTROL = 'packages/server/src/control.ts'
const EXPIRY = 'packages/server/src/expiry.ts'
const HUB = 'packages/server/src/hub.ts'

export const SERVER_MUTANTS: readonly Mutant[] = [
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
    find: 'const outcome = lane.tail.then(() => this.#handleInLane(lane, speaker, line))',
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
    find: 'if (this.#load() > 1) this.#congested = true',
    replace: 'if (this.#lossyBytes < 0) this.#congested = true',
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
    find: 'broker.release(held.address, held.member, this.#holder, graceMs).catch(',
    replace: 'broker.depart(held.address, held.member, 2 ** 40).catch(',
  },
  {
    name: 'leases are not renewed',
    why: 'A member leaves after the first lease.',
    file: LEASES,
    find: 'this.#hub.wheel.repeat(this.#renewalMs,',
    replace: 'this.#hub.wheel.repeat(this.#renewalMs * 300,',
  },
  {
    name: 'goodbye is not said',
    why: 'A member that leaves is still shown.',
    file: LEASES,
    find:
      '    this.#held.delete(keyOf(this.#own, address))\n' +
      '    this.#hub.requestLeases.delete(keyOf(this.#own, address))\n' +
      '    await this.#hub.broker.depart(address, this.#own, sequence)',
    replace: '    void [address, sequence]',
  },
  {
    name: 'a channel is never closed on the node',
    why: 'Channels that nobody reads stay subscribed.',
    file: 'packages/server/src/hub.ts',
    find: '.then((channel) => channel.close())',
    replace: '.then(() => {})',
  },
  {
    name: 'reader does not ask whether its past has changed',
    why: 'A reader that stands at the head stays there although the node lost sight of the log meanwhile.',
    file: READER,
    find: 'this.#verifiedAt === this.#interruptions && ',
    replace: '',
  },
  {
    name: 'end of a token is not watched',
    why: 'A connection outlives the token that it was opened with.',
    file: EXPIRY,
    find: '    this.#endsAt = endsAt\n',
    replace: '    if (endsAt > 0) return\n',
  },
  {
    name: 'revocation is not applied',
    why: 'A user who was let go keeps the connections that are open.',
    file: HUB,
    find: 'if (attachment.speaker?.identity.principal === subject) attachment.revoke()',
    replace: 'void attachment',
  },
  {
    name: 'permissions are not asked for again',
    why: 'Whoever is in a channel stays in it, whatever nodes are told.',
    file: HUB,
    find: 'reauthorize(this.#channels.get(subject))',
    replace: 'void subject',
  },
  {
    name: 'notices of other nodes are not heard',
    why: 'Only what was missed is read.',
    file: CONTROL,
    find: 'onEntry: (entry) => this.#handleEntry(entry)',
    replace: 'onEntry: () => {}',
  },
  {
    name: 'new token is not taken',
    why: 'A second hello leaves the connection with the end of the first token.',
    file: ATTACHMENT,
    find: '      this.#watchExpiry(identity.expiresAt)\n      this.welcome()',
    replace: '      this.welcome()',
  },
]
