/**
 * The way of a client's publish into the log: authorise → validate → `onPublish` → append. One session's publishes
 * to one channel go one after another, so their order survives hooks that wait; different channels run in parallel.
 */
import { type PublishLine, type ResolvedChannel, TriwireError } from '@triwire/protocol'
import type { App } from './app.ts'
import type { AppendOutcome, Broker, Producer } from './broker.ts'
import type { Speaker } from './speaker.ts'
import { toJson, validate } from './validate.ts'

/** Publishes of one session to one channel that may wait for their turn. */
const MAX_WAITING = 1024

/** Codes that stand for the state of the server rather than of the publish: the same publish may yet succeed. */
const PASSING = new Set(['unavailable', 'deadline', 'rate_limited'])

/** What one session publishes to one channel, while any of it waits. */
interface Lane {
  tail: Promise<void>
  waiting: number
  /** The number that comes next and has to come again: what is behind it cannot be taken before. */
  missing: number | undefined
}

/** Takes publishes from attachments to the broker. */
export class Publisher {
  readonly #app: App
  readonly #lanes = new Map<string, Lane>()

  constructor(app: App) {
    this.#app = app
  }

  /**
   * Handles one publish; resolves with what became of it.
   * @throws TriwireError for everything that is to be tried again
   */
  publish(speaker: Speaker, line: PublishLine): Promise<AppendOutcome> {
    const key = `${speaker.member} ${line.ch}`
    const lane: Lane = this.#lanes.get(key) ?? { tail: Promise.resolve(), waiting: 0, missing: undefined }
    if (lane.waiting >= MAX_WAITING) {
      const message = 'Too many of your publishes wait for this channel. Slow down.'
      return Promise.reject(new TriwireError('rate_limited', message, { retryMs: 1000 }))
    }
    lane.waiting++
    this.#lanes.set(key, lane)
    const outcome = lane.tail.then(() => this.#handleInLane(lane, speaker, line))
    lane.tail = outcome.then(
      () => {},
      () => {},
    )
    void lane.tail.then(() => {
      if (--lane.waiting === 0) this.#lanes.delete(key)
    })
    return outcome
  }

  /**
   * Hundreds may wait behind one that has to come again. They all will, so neither the app nor the broker is asked about
   * them: the one that is awaited would wait behind that, too.
   */
  async #handleInLane(lane: Lane, speaker: Speaker, line: PublishLine): Promise<AppendOutcome> {
    const { missing } = lane
    const { n, lo = n } = line
    if (missing !== undefined && lo <= missing && missing < n) return { status: 'sequence_gap', expected: missing }
    lane.missing = undefined
    try {
      const outcome = await this.#handle(speaker, line)
      if (outcome.status === 'sequence_gap') lane.missing = outcome.expected
      return outcome
    } catch (error) {
      if (!isFinal(error)) lane.missing = n
      throw error
    }
  }

  async #handle(speaker: Speaker, line: PublishLine): Promise<AppendOutcome> {
    const { broker } = this.#app
    const resolved = this.#app.resolve(line.ch)
    const producer: Producer = { id: speaker.member, sequence: line.n, lowest: line.lo ?? line.n }
    let data: string
    try {
      data = await this.#prepare(speaker, resolved, line)
    } catch (error) {
      if (!isFinal(error)) throw error
      // The number is used up: a repetition must meet the same answer, on whichever node.
      const outcome = await broker.refuse(line.ch, producer, error.code)
      if (outcome.status === 'refused') throw error
      return outcome
    }
    return await append(broker, resolved, line, producer, data, `${speaker.member}#${line.n}`)
  }

  async #prepare(speaker: Speaker, resolved: ResolvedChannel, line: PublishLine): Promise<string> {
    const { channel, params, key } = resolved
    const { identity } = speaker
    const schema = Object.hasOwn(channel.events, line.e) ? channel.events[line.e] : undefined
    if (schema === undefined) throw new TriwireError('unknown_event', `Channel "${key}" has no such event.`)
    if (!channel.publish.includes(line.e)) {
      throw new TriwireError(
        'forbidden',
        `Clients may not publish this event. List it under \`publish\` of "${key}" if they should.`,
      )
    }
    await this.#app.authorize(resolved, identity, 'publish', line.e)
    const valid = await validate(schema, line.d, `event "${line.e}"`)
    const { onPublish } = this.#app.implementationOf(resolved)
    let result: unknown
    if (onPublish !== undefined) {
      result = await this.#app.runHook('onPublish', () =>
        onPublish({ event: line.e, data: valid, user: identity.user, params }),
      )
    }
    return toJson(result === undefined ? valid : result, `event "${line.e}"`)
  }
}

/** Whether the same publish would be refused again, whenever it came. */
function isFinal(error: unknown): error is TriwireError {
  return error instanceof TriwireError && !PASSING.has(error.code)
}

function append(
  broker: Broker,
  resolved: ResolvedChannel,
  line: PublishLine,
  producer: Producer,
  data: string,
  cause: string,
): Promise<AppendOutcome> {
  const { history } = resolved.channel
  return broker.append(resolved.address, { event: line.e, data, cause, producer, history })
}
