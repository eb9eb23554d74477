/**
 * The hub: what the attachments of one node share. The app, the broker, the channels that somebody here reads, the
 * counters that bound what one user may cost. Everything in it can be lost with the node.
 */
import { type Contract, encodeLine, PROTOCOL_VERSION, type ResolvedChannel, TriwireError } from '@triwire/protocol'
import { App, type Implementations } from './app.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Broker } from './broker.ts'
import { Commander } from './commander.ts'
import { type Attached, Connections } from './connections.ts'
import { Control, type Notice } from './control.ts'
import { withDeadline } from './deadline.ts'
import { Door } from './door.ts'
import type { Gate } from './gate.ts'
import type { HeaderFields } from './header-fields.ts'
import { Heartbeats } from './heartbeats.ts'
import { type Identity, memberOf } from './identity.ts'
import type { Limits } from './limits.ts'
import { LiveChannel } from './live-channel.ts'
import { LogPages } from './log-pages.ts'
import type { Logger } from './logger.ts'
import { Meters } from './meters.ts'
import { Occupancy } from './occupancy.ts'
import type { AllowedOrigins } from './origin.ts'
import { Publisher } from './publisher.ts'
import { revokedMeanwhile } from './refusal.ts'
import { Shares } from './shares.ts'
import { type Cancel, type SetTimer, TimerWheel } from './timer-wheel.ts'
import { Turn } from './turn.ts'

/** Presence leases of requests that are remembered at most: of one that is not, each request takes it anew. */
const REQUEST_LEASES = 20_000

/** Milliseconds a channel stays open after its last reader went: long polls come and go. */
const LINGER_MS = 30_000

/** Milliseconds over which every client attaches again, where notices were missed. */
const REVERIFY_SPREAD_MS = 10_000

/** Milliseconds a hook's node has beyond the time of the hook to say that it has run. */
const CLAIM_SLACK_MS = 5000

/** Sessions whose public names are remembered, and for how many milliseconds: polls come again. */
const REMEMBERED_MEMBERS = 20_000
const REMEMBER_MEMBERS_MS = 60_000

/** A line before and behind a member's name, which is base64url. */
type Welcome = readonly [before: string, behind: string]

interface OpenChannel {
  readonly channel: Promise<LiveChannel>
  /** The same, as soon as it is there. */
  live: LiveChannel | undefined
  users: number
  lingering: Cancel | undefined
}

/** What a hub is made of. */
export interface HubOptions {
  readonly contract: Contract
  readonly broker: Broker
  readonly gate: Gate
  readonly limits: Limits
  readonly logger: Logger
  readonly origins: AllowedOrigins
  /** What the app has said with `.on()`, by the keys of channels. */
  readonly implementations: Implementations
  /** Default `setTimeout`. */
  readonly setTimer?: SetTimer | undefined
}

/** The hub. */
export class Hub {
  readonly app: App
  readonly broker: Broker
  readonly gate: Gate
  readonly limits: Limits
  readonly logger: Logger
  readonly origins: AllowedOrigins
  readonly wheel: TimerWheel
  readonly turn: Turn = new Turn()
  readonly publisher: Publisher
  readonly commander: Commander
  readonly connections: Connections
  readonly meters: Meters
  readonly shares: Shares = new Shares()
  readonly door: Door
  readonly heartbeats: Heartbeats
  /** By member and channel: the presence lease that requests of a session have taken last. */
  readonly requestLeases: BoundedMap<
    string,
    { readonly data: string; readonly sequence: number; readonly heldAt: number }
  >
  readonly pages: LogPages
  readonly control: Control
  readonly #occupancy: Occupancy
  readonly #channels = new Map<string, OpenChannel>()
  /** By principal and session. */
  readonly #members = new BoundedMap<string, string>(REMEMBERED_MEMBERS, REMEMBER_MEMBERS_MS)
  /** What is the same in every `welcome`: with heartbeats, and without. */
  #welcomes: readonly [Welcome, Welcome] | undefined
  #marks = 0
  #draining: Promise<void> | undefined
  #closed = false

  constructor(options: HubOptions) {
    this.app = new App(options)
    this.broker = options.broker
    this.gate = options.gate
    this.limits = options.limits
    this.logger = options.logger
    this.origins = options.origins
    this.wheel = new TimerWheel(Date.now, options.setTimer)
    this.connections = new Connections(options.limits)
    this.meters = new Meters(options.limits)
    this.door = new Door(this.meters, this.wheel)
    this.requestLeases = new BoundedMap(REQUEST_LEASES, options.limits.presenceGraceMs)
    this.heartbeats = new Heartbeats(this.connections, this.wheel, options.limits.heartbeatMs)
    this.pages = new LogPages(this)
    this.control = new Control({
      broker: options.broker,
      wheel: this.wheel,
      logger: options.logger,
      onNotice: (notice) => this.#handleNotice(notice),
      onMissed: () => this.#handleMissedNotices(),
    })
    this.#occupancy = new Occupancy({
      broker: options.broker,
      wheel: this.wheel,
      logger: options.logger,
      leaseMs: options.limits.presenceLeaseMs,
      claimMs: options.limits.handlerMs + CLAIM_SLACK_MS,
      onChange: (address, hook) => this.app.notify(hook, address),
    })
    this.publisher = new Publisher(this.app)
    this.commander = new Commander(this.app, this.wheel)
  }

  /** Whether nobody is let in any more. */
  get leaving(): boolean {
    return this.#closed || this.#draining !== undefined
  }

  /**
   * Verifies a speaker. Whoever is let in must be found by revocations, so those are followed first.
   * @throws TriwireError `unauthorized`, `unavailable`, `draining`, `deadline`
   */
  authenticate(token: string | undefined, headers: HeaderFields): Identity | Promise<Identity> {
    if (this.#closed) throw goingAway()
    if (this.control.following) return this.gate.recall(token, headers) ?? this.gate.authenticate(token, headers)
    return withDeadline(() => this.control.open(), this.limits.authMs).then(() =>
      this.gate.authenticate(token, headers),
    )
  }

  /** The public name of a session of a user. */
  memberOf(principal: string, session: string): string | Promise<string> {
    const key = `${principal}\0${session}`
    return this.#members.get(key) ?? this.#derive(key, principal, session)
  }

  async #derive(key: string, principal: string, session: string): Promise<string> {
    const member = await memberOf(principal, session)
    this.#members.set(key, member)
    return member
  }

  /** @throws TriwireError `unavailable` where the identity was revoked since it was verified */
  checkCurrent(identity: Identity): void {
    if (!this.gate.isCurrent(identity)) throw revokedMeanwhile()
  }

  /**
   * Opens a channel on this node, or joins those who have it open. Every call that resolves is undone by one
   * `releaseChannel`.
   * @param principal whose rate of openings it costs, where somebody asked for it now
   * @throws TriwireError `rate_limited`, `unavailable`
   */
  openChannel(resolved: ResolvedChannel, principal?: string): LiveChannel | Promise<LiveChannel> {
    const { address } = resolved
    let open = this.#channels.get(address)
    if (open === undefined) {
      const retryMs = principal === undefined ? 0 : this.meters.takeOpening(principal)
      if (retryMs > 0) throw new TriwireError('rate_limited', 'You open channels too fast. Slow down.', { retryMs })
      open = { channel: LiveChannel.open(resolved, this.broker), live: undefined, users: 0, lingering: undefined }
      this.#channels.set(address, open)
      if (this.app.hearsOccupancy(resolved)) this.#occupancy.occupy(address)
    }
    open.users++
    open.lingering?.()
    open.lingering = undefined
    return open.live ?? this.#opened(address, open)
  }

  async #opened(address: string, open: OpenChannel): Promise<LiveChannel> {
    try {
      open.live = await open.channel
      return open.live
    } catch (error) {
      if (this.#channels.get(address) === open) this.#forget(address)
      throw error
    }
  }

  /** Undoes one `openChannel`; the channel closes when nobody has wanted it for a while. */
  releaseChannel(resolved: ResolvedChannel): void {
    const { address } = resolved
    const open = this.#channels.get(address)
    if (open === undefined || --open.users > 0) return
    open.lingering = this.wheel.schedule(LINGER_MS, () => {
      if (open.users > 0 || this.#channels.get(address) !== open) return
      this.#forget(address)
      void open.channel
        .then((channel) => channel.close())
        .catch((err: unknown) => this.logger.warn({ err }, 'a channel did not close'))
    })
  }

  /** Begins a further life of a host that forgets: hooks run for what earlier lives have left behind. */
  async resume(): Promise<void> {
    if (this.app.hearsOccupancyAnywhere()) await this.#occupancy.watch()
  }

  #forget(address: string): void {
    this.#channels.delete(address)
    this.#occupancy.vacate(address)
  }

  /** How the session of a member is greeted. @param silent whether there are no heartbeats */
  welcome(member: string, silent: boolean): string {
    this.#welcomes ??= [welcomeOf(this.limits, this.limits.heartbeatMs), welcomeOf(this.limits, 0)]
    const [before, behind] = this.#welcomes[silent ? 1 : 0]
    return before + member + behind
  }

  /** A number for a mark: it rises, and no other connection of this node has it. */
  nextMark(): number {
    return ++this.#marks
  }

  /** Counts a connection in. @throws TriwireError `too_many_connections`, `draining`, `unavailable` */
  admit(attachment: Attached): void {
    if (this.leaving) throw goingAway()
    if (attachment.speaker !== undefined) this.checkCurrent(attachment.speaker.identity)
    this.connections.admit(attachment)
  }

  /** Lets nobody in, and everybody go within the spread; resolves when they have gone, or had the time to. */
  drain(spreadMs: number): Promise<void> {
    this.#draining ??= this.#drain(spreadMs)
    return this.#draining
  }

  async #drain(spreadMs: number): Promise<void> {
    this.#sendEverybodyOff('draining', spreadMs)
    await this.connections.empty()
  }

  #sendEverybodyOff(code: 'rotate' | 'draining', spreadMs: number): void {
    const leftMs = spreadMs + this.limits.overlapMs
    const leaving = this.connections.list()
    for (const [index, attachment] of leaving.entries()) {
      // Each at random within a share of its own: evenly spread, and not in step with the clients of another server.
      const retryMs = Math.floor(((index + Math.random()) / leaving.length) * spreadMs)
      attachment.sendOff(code, retryMs, leftMs)
    }
  }

  #handleNotice({ type, subject }: Notice): void {
    if (type === 'reauthorize') {
      reauthorize(this.#channels.get(subject))
      return
    }
    this.gate.forget(subject)
    for (const attachment of this.connections.list())
      if (attachment.speaker?.identity.principal === subject) attachment.revoke()
  }

  /** Anybody may have been revoked: nobody is served on the word of a token that was verified before. */
  #handleMissedNotices(): void {
    this.logger.warn({}, 'notices of other nodes were missed: every client is asked to attach again')
    this.gate.forgetAll()
    for (const open of this.#channels.values()) reauthorize(open)
    this.#sendEverybodyOff('rotate', REVERIFY_SPREAD_MS)
  }

  /** Says goodbye to every client, lets go of every channel and closes the broker. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.door.close()
    for (const attachment of this.connections.list()) attachment.close('draining', 1000)
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    await Promise.allSettled(channels.map(async ({ channel }) => (await channel).close()))
    await this.control.close()
    await this.#occupancy.close()
    await this.broker.close()
    this.wheel.close()
  }
}

function welcomeOf({ line, body, batch, channels, rate, burst }: Limits, hb: number): Welcome {
  const max = { line, body, batch, channels, rate, burst }
  const [before = '', behind = ''] = encodeLine({ t: 'welcome', v: PROTOCOL_VERSION, m: '\n', hb, max }).split(
    '\\n',
  )
  return [before, behind]
}

function goingAway(): TriwireError {
  return new TriwireError('draining', 'This server is going away. Try again.', { retryMs: 1000 })
}

function reauthorize(open: OpenChannel | undefined): void {
  // Where it cannot be opened, there are no readers to ask about.
  open?.channel.then(
    (channel) => channel.reauthorize(),
    () => {},
  )
}
