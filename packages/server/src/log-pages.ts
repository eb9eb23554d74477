/**
 * The pages of public logs on this node: whoever asks for the same one at the same time shares it. It is read once and
 * encoded once, and its text goes to all of them.
 *
 * It holds nothing that a reader depends on. Nothing is kept either, beyond the moment: keeping is what caches in front
 * of the nodes are for, and they do it for all nodes together.
 */
import { type Cursor, formatCursor, type ResolvedChannel } from '@triwire/protocol'
import type { Broker } from './broker.ts'
import { defer } from './defer.ts'
import type { Limits } from './limits.ts'
import type { ChannelReader, LiveChannel } from './live-channel.ts'
import { type LogPage, readLogPage } from './log-page.ts'
import type { TimerWheel } from './timer-wheel.ts'

/** What pages need of their node. */
export interface PagesHost {
  readonly broker: Broker
  readonly limits: Limits
  readonly wheel: TimerWheel
  openChannel(resolved: ResolvedChannel): LiveChannel | Promise<LiveChannel>
  releaseChannel(resolved: ResolvedChannel): void
}

/** Milliseconds before a log that shows less than was heard of it is read again. */
const RETRY_MS = 1000

/** The pages. */
export class LogPages {
  readonly #host: PagesHost
  readonly #underWay = new Map<string, Promise<LogPage>>()

  constructor(host: PagesHost) {
    this.#host = host
  }

  /** The page behind a position, as it is now. @throws TriwireError `unavailable` */
  read(resolved: ResolvedChannel, after: Cursor | undefined): Promise<LogPage> {
    return this.#share(`${resolved.address} ${after === undefined ? '' : formatCursor(after)}`, () =>
      this.#read(resolved, after),
    )
  }

  /**
   * The page behind a position as soon as there is something in it, or an empty one after `holdMs`.
   * @param round tells apart who waits until when: the first of each decides about the time
   * @throws TriwireError `unavailable`
   */
  await(resolved: ResolvedChannel, after: Cursor, round: number, holdMs: number): Promise<LogPage> {
    const key = `${resolved.address} ${formatCursor(after)} ${round}`
    return this.#share(key, () => this.#await(resolved, after, holdMs))
  }

  #share(key: string, make: () => Promise<LogPage>): Promise<LogPage> {
    const known = this.#underWay.get(key)
    if (known !== undefined) return known
    const page = make().finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, page)
    return page
  }

  #read(resolved: ResolvedChannel, after: Cursor | undefined): Promise<LogPage> {
    const { broker, limits } = this.#host
    const { address } = resolved
    const source = {
      address,
      read: broker.read.bind(broker, address),
      events: limits.replayEvents,
      bytes: limits.replayBytes,
    }
    return readLogPage(source, after)
  }

  async #await(resolved: ResolvedChannel, after: Cursor, holdMs: number): Promise<LogPage> {
    const { wheel } = this.#host
    const channel = await this.#host.openChannel(resolved)
    const ear = new Ear()
    let isOver = false
    let cancelRetry = (): void => {}
    const cancelEnd = wheel.schedule(holdMs, () => {
      isOver = true
      ear.handleNews()
    })
    channel.readers.add(ear)
    try {
      for (;;) {
        // From before the read on, so that nothing falls between the two.
        const news = ear.listen()
        const page = await this.#read(resolved, after)
        if (!page.isEmpty || isOver) return page
        await news
        // What comes in the same turn goes into the same page.
        await new Promise<void>(defer)
        cancelRetry()
        cancelRetry = wheel.schedule(RETRY_MS, () => ear.handleNews())
      }
    } finally {
      cancelEnd()
      cancelRetry()
      channel.readers.delete(ear)
      this.#host.releaseChannel(resolved)
    }
  }
}

/** Hears that a log has moved, and nothing else of its channel. */
class Ear implements ChannelReader {
  readonly member = ''
  readonly hearsPresence = false
  #tell = (): void => {}

  /** Resolves with the next news. */
  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#tell = resolve
    })
  }

  handleNews(): void {
    this.#tell()
  }

  handleEntry(): void {
    this.#tell()
  }

  handleInterrupted(): void {
    this.#tell()
  }

  handleSignal(): void {}

  handlePresence(): void {}

  handleReauthorize(): void {}
}
