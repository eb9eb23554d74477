/**
 * Commands: one effect, one reply, whatever happens to wires and nodes. A call is claimed at the broker, run once,
 * and its reply recorded; a repetition gets the recorded reply, or waits while somebody else runs it. Nobody's
 * disconnecting stops a handler.
 */
import {
  adviceFor,
  type CommandLine,
  type CommandSchema,
  type Cursor,
  formatCursor,
  type ResolvedChannel,
  TriwireError,
} from '@triwire/protocol'
import type { App } from './app.ts'
import type { CommandReply } from './broker.ts'
import type { Speaker } from './speaker.ts'
import type { Cancel, TimerWheel } from './timer-wheel.ts'
import { toJson, validate } from './validate.ts'

/** Milliseconds a claim holds without being renewed: after it, another node may take the call over. */
const LEASE_MS = 15_000

/** Milliseconds until a call has an answer, if only that it is still running: a request that hangs longer looks lost. */
const WAIT_MS = 20_000

/** Times one call tries to take over from nodes that died before it is asked to come again. */
const MAX_ATTEMPTS = 3

/** Takes commands from attachments to handlers. */
export class Commander {
  readonly #app: App
  readonly #wheel: TimerWheel
  /** What runs here or is waited for, by member and call. */
  readonly #running = new Map<string, Map<string, Promise<CommandReply>>>()

  constructor(app: App, wheel: TimerWheel) {
    this.#app = app
    this.#wheel = wheel
  }

  /**
   * Handles one call; resolves with the reply.
   * @throws TriwireError the recorded error, or one that says to try again
   */
  async call(speaker: Speaker, line: CommandLine): Promise<Extract<CommandReply, { readonly ok: true }>> {
    const resolved = this.#app.resolve(line.ch)
    const { commands } = resolved.channel
    const schema = Object.hasOwn(commands, line.c) ? commands[line.c] : undefined
    if (schema === undefined)
      throw new TriwireError('unknown_command', `Channel "${resolved.key}" has no such command.`)
    // Asked before the call is claimed: an answer of the moment (`unavailable`) must not be recorded as its reply.
    await this.#app.authorize(resolved, speaker.identity, 'command', line.c)
    const reply = await this.#answerInTime(this.#share(speaker, resolved, schema, line))
    if (reply.ok) return reply
    throw new TriwireError(reply.code, reply.message)
  }

  /** A repetition joins the call that is under way here; others count towards what a session may have at once. */
  #share(
    speaker: Speaker,
    resolved: ResolvedChannel,
    schema: CommandSchema,
    line: CommandLine,
  ): Promise<CommandReply> {
    const { member } = speaker
    const running = this.#running.get(member) ?? new Map<string, Promise<CommandReply>>()
    const call = `${line.ch} ${line.id}`
    const known = running.get(call)
    if (known !== undefined) return known
    const { commandsAtOnce } = this.#app.limits
    if (running.size >= commandsAtOnce) {
      const message = `At most ${commandsAtOnce} commands of one session run at once.`
      throw new TriwireError('rate_limited', message, { retryMs: 500 })
    }
    const reply = this.#claimAndRun(speaker, resolved, schema, line).finally(() => {
      running.delete(call)
      if (running.size === 0) this.#running.delete(member)
    })
    running.set(call, reply)
    this.#running.set(member, running)
    return reply
  }

  /** Stops no handler: a repetition gets its reply. */
  async #answerInTime(reply: Promise<CommandReply>): Promise<CommandReply> {
    let cancel: Cancel | undefined
    const tooLate = new Promise<never>((_, reject) => {
      cancel = this.#wheel.schedule(WAIT_MS, () => reject(stillRunning()))
    })
    try {
      return await Promise.race([reply, tooLate])
    } finally {
      cancel?.()
    }
  }

  async #claimAndRun(
    speaker: Speaker,
    resolved: ResolvedChannel,
    schema: CommandSchema,
    line: CommandLine,
  ): Promise<CommandReply> {
    const { broker } = this.#app
    const id = `${speaker.member}.${line.id}`
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const claim = await broker.claim(line.ch, id, LEASE_MS)
      if (claim.status === 'settled') return claim.reply
      if (claim.status === 'claimed')
        return await this.#runClaimed(speaker, resolved, schema, line, id, claim.fence)
      const outcome = await broker.settled(line.ch, id, WAIT_MS)
      if (outcome.status === 'settled') return outcome.reply
      if (outcome.status === 'running') break
      // Its node died: whoever waits takes the call over.
    }
    throw stillRunning()
  }

  async #runClaimed(
    speaker: Speaker,
    resolved: ResolvedChannel,
    schema: CommandSchema,
    line: CommandLine,
    id: string,
    fence: string,
  ): Promise<CommandReply> {
    const { broker, limits, logger } = this.#app
    const claim = { lost: false }
    const renewal = this.#wheel.repeat(LEASE_MS / 3, () => {
      broker
        .renew(line.ch, id, fence, LEASE_MS)
        .then((isCurrent) => {
          if (isCurrent) return
          claim.lost = true
          renewal()
        })
        .catch((err: unknown) => logger.warn({ err }, 'a command claim could not be renewed'))
    })
    try {
      const reply = await this.#run(speaker, resolved, schema, line, id, claim)
      // A node that was paused for longer than its lease: what counts is the reply of whoever took over.
      if (!(await broker.settle(line.ch, id, fence, reply, limits.rememberMs))) throw stillRunning()
      return reply
    } finally {
      renewal()
    }
  }

  async #run(
    speaker: Speaker,
    resolved: ResolvedChannel,
    schema: CommandSchema,
    line: CommandLine,
    id: string,
    claim: { readonly lost: boolean },
  ): Promise<CommandReply> {
    const { user } = speaker.identity
    const { params, key } = resolved
    try {
      const input = await validate(schema.input, line.d, `command "${line.c}"`)
      const handler = this.#app.implementationOf(resolved).commands?.[line.c]
      if (handler === undefined)
        throw new TriwireError('unknown_command', `Command "${line.c}" of "${key}" has no handler.`)
      let position = 0
      let last: Cursor | undefined
      const emit = async (event: string, data: unknown): Promise<void> => {
        // A handler cannot be stopped, but it goes no further than its next event.
        if (claim.lost) throw stillRunning()
        // The position is taken at the call, not at the append: emits that run in parallel keep their identity.
        const once = `${id}:${position++}`
        try {
          const at = await this.#app.emit(resolved, event, data, { cause: id, once })
          if (last === undefined || at.epoch !== last.epoch || at.offset > last.offset) last = at
        } catch (cause) {
          if (isPassing(cause)) throw cause
          // The handler's mistake, not the client's: what a client may be told is for the handler to say.
          throw new Error(`"${event}" could not be emitted to "${key}".`, { cause })
        }
      }
      const output = await this.#app.runHook(`command "${line.c}"`, () =>
        handler(input, { user, params, id, emit }),
      )
      const reply = { ok: true, data: await this.#encodeReply(schema, output, key, line.c) } as const
      return last === undefined ? reply : { ...reply, at: formatCursor(last) }
    } catch (error) {
      // Not recorded: the claim lapses, and a repetition runs the handler again under the same id.
      if (isPassing(error)) throw error
      const { code, message } =
        error instanceof TriwireError
          ? error
          : new TriwireError('handler_failed', 'The server failed to handle this command.')
      return { ok: false, code, message }
    }
  }

  /** The reply as JSON text. One that does not fit is the handler's mistake: logged, and no business of the client. */
  async #encodeReply(schema: CommandSchema, output: unknown, channel: string, command: string): Promise<string> {
    const what = `the reply of "${command}"`
    try {
      return toJson(await validate(schema.output, output, what), what)
    } catch (err) {
      this.#app.logger.error(
        { err, channel, command },
        'a command handler returned a reply that does not fit its schema',
      )
      throw new TriwireError('handler_failed', 'The server failed to handle this command.')
    }
  }
}

function stillRunning(): TriwireError {
  return new TriwireError('pending', 'The command is still running. Ask again.', { retryMs: 100 })
}

/** Whether an error speaks of the moment rather than of the call: the same call may yet succeed. */
function isPassing(error: unknown): boolean {
  return error instanceof TriwireError && (error.retryMs !== undefined || adviceFor(error.code) === 'retry')
}
