/**
 * The app that simulated servers run: its contract, its hooks, and the database behind them, which no fault touches.
 * Events carry their own name and the mark of their tenant, so that they can be told apart whatever happens to them.
 */
import type { Clock, Random } from '@triwire/test/parts'
import type { Fact, History } from './history.ts'
import type { ServerExports } from './product.ts'
import type { ChannelName, Org, WorldPlan } from './script.ts'

/** The payload of every event. */
export interface Payload {
  readonly id: string
  readonly mark: string
  readonly pad?: string
  readonly refused?: boolean
}

/** What a command asks for. */
export interface CommandInput {
  readonly id: string
  readonly count: number
  readonly ms: number
  readonly mark: string
  readonly fails?: 'refuses' | 'throws'
}

/** One run of a command's handler. */
export interface Execution {
  /** The identity that the product gave the call. */
  readonly id: string
  readonly call: string
  readonly startedAt: number
  reply: string | undefined
}

/** The snapshot: every event so far, by name. */
export interface BoardSnapshot {
  readonly ids: readonly string[]
  /** The number under which the app knows up to where it reaches. */
  readonly taken: number
  readonly mark: string
}

/** A user as `auth` returns it. */
interface User {
  readonly id: string
  readonly org: Org
}

/** The mark of a tenant: no byte with it may reach the other one. */
export function markOf(org: string): string {
  return `<<${org}>>`
}

/** The address of a channel. */
export function addressOf(org: string, channel: ChannelName): string {
  return channel.startsWith('room') ? `room?id=${channel.slice(4)}&org=${org}` : `${channel}?org=${org}`
}

/** How the contract names a channel: its key and its parameters. */
export function referenceOf(org: string, channel: ChannelName): { readonly key: string; readonly params: object } {
  return channel.startsWith('room')
    ? { key: 'room', params: { org, id: channel.slice(4) } }
    : { key: channel, params: { org } }
}

/** The app's database. */
export class App {
  readonly executions: Execution[] = []
  /** What each snapshot reached up to: the last event it contains. */
  readonly snapshots: (Fact | undefined)[] = []
  readonly #denied = new Map<string, Map<string, number>>()
  /** Tokens that a server has seen, by user, and those of them that are no good any more. */
  readonly #seenTokens = new Map<string, Set<string>>()
  readonly #expiredTokens = new Set<string>()
  readonly #newestEnds = new Map<string, number>()
  #tokens = 0
  readonly #clock: Clock
  readonly #history: History
  readonly #random: Random
  readonly #world: WorldPlan

  constructor(clock: Clock, history: History, random: Random, world: WorldPlan) {
    this.#clock = clock
    this.#history = history
    this.#random = random
    this.#world = world
  }

  // ── Who may what ────────────────────────────────────────────────────────────────────────────────────────────

  mintToken(user: string, org: Org): string {
    const { tokenMs } = this.#world
    const until = tokenMs === undefined ? 0 : Math.floor(this.#clock.now + tokenMs)
    this.#newestEnds.set(user, until > 0 ? until : Number.POSITIVE_INFINITY)
    return `${user}.${org}.${++this.#tokens}.${until}`
  }

  /** When the newest token of a user runs out. */
  newestTokenEnds(user: string): number {
    return this.#newestEnds.get(user) ?? Number.POSITIVE_INFINITY
  }

  /**
   * Tokens that a user has shown so far are no good any more. One that nobody has seen yet is: a client whose token is
   * refused right after it was given a new one takes that for the last word.
   */
  expireTokens(user: string): void {
    for (const token of this.#seenTokens.get(user) ?? []) this.#expiredTokens.add(token)
  }

  forbid(user: string, address: string): void {
    const denied = this.#denied.get(user) ?? new Map<string, number>()
    this.#denied.set(user, denied)
    if (!denied.has(address)) denied.set(address, this.#clock.now)
  }

  permit(user: string, address: string): void {
    this.#denied.get(user)?.delete(address)
  }

  /** Since when a user may not see a channel; undefined where they may. */
  deniedSince(user: string, address: string): number | undefined {
    return this.#denied.get(user)?.get(address)
  }

  deniedTo(user: string): ReadonlyMap<string, number> {
    return this.#denied.get(user) ?? NOTHING
  }

  // ── Server ──────────────────────────────────────────────────────────────────────────────────────────────────

  createContract({ channel, contract }: ServerExports) {
    const history = { keep: this.#world.keep, ttl: '3600s' } as const
    return contract({
      room: channel('room/:org/:id', {
        events: { said: anything<Payload>() },
        publish: ['said'],
        signals: { typing: anything<{ readonly mark: string }>() },
        presence: anything<unknown>(),
        history,
      }),
      board: channel('board/:org', {
        events: { said: anything<Payload>() },
        publish: ['said'],
        commands: { add: { input: anything<CommandInput>(), output: anything<{ readonly reply: string }>() } },
        snapshot: anything<BoardSnapshot>(),
        history,
      }),
      vault: channel('vault/:org', { events: { said: anything<Payload>() }, publish: ['said'], history }),
    })
  }

  authenticate(token = '', expireAt: (when: number) => void): User | null {
    const [id = '', org, , until] = token.split('.')
    if (token === '' || this.#expiredTokens.has(token)) return null
    this.#seenTokens.set(id, (this.#seenTokens.get(id) ?? new Set()).add(token))
    if (Number(until) > 0) expireAt(Number(until))
    return { id, org: org as Org }
  }

  /** The hooks of one channel key. */
  implementation(key: string, { TriwireError }: ServerExports) {
    const addressOfParams = (params: Readonly<Record<string, string>>): string =>
      addressOf(params.org ?? '', (key === 'room' ? `room${params.id}` : key) as ChannelName)
    return {
      authorize: async ({ user, params }: { user: User; params: Readonly<Record<string, string>> }) => {
        await this.#pause()
        return user.org === params.org && this.deniedSince(user.id, addressOfParams(params)) === undefined
      },
      onPublish: async ({ data }: { data: unknown }) => {
        await this.#pause()
        if ((data as Payload).refused) throw new TriwireError('refused', 'The app says no.')
      },
      snapshot: async ({ params, at }: SnapshotContext) => {
        const address = addressOfParams(params)
        await this.#pause()
        const log = this.#history.logOf(address)
        const last = log.at(-1)
        const taken = this.snapshots.push(last) - 1
        const ids = log.map(({ id }) => id)
        const cursor = last?.cursor ?? `${this.#history.epochOf(address)}:0:0`
        await this.#pause()
        const data: BoardSnapshot = { ids, taken, mark: markOf(params.org ?? '') }
        return this.#world.ownCursor ? at(cursor, data) : data
      },
      commands: {
        add: async (input: CommandInput, { id, emit }: CommandContext) => {
          const execution: Execution = { id, call: input.id, startedAt: this.#clock.now, reply: undefined }
          const run = this.executions.push(execution)
          if (input.fails === 'refuses') throw new TriwireError('refused', 'The app says no.')
          await this.#sleep(input.ms / 2)
          for (let index = 0; index < input.count; index++)
            await emit('said', { id: `${input.id}.${index}`, mark: input.mark })
          if (input.fails === 'throws') throw new Error('The handler is broken, on purpose.')
          await this.#sleep(input.ms / 2)
          execution.reply = `${input.id} run ${run}`
          return { reply: execution.reply }
        },
      },
    }
  }

  async #pause(): Promise<void> {
    const { hookMs } = this.#world
    if (hookMs > 0 && this.#random.chance(0.5)) await this.#sleep(hookMs * this.#random.next())
  }

  #sleep(ms: number): Promise<void> | undefined {
    if (ms === 0) return undefined
    return new Promise((resolve) => {
      this.#clock.after(ms, this.#clock.current, resolve)
    })
  }
}

interface SnapshotContext {
  readonly params: Readonly<Record<string, string>>
  readonly at: (cursor: string, data: unknown) => unknown
}

interface CommandContext {
  readonly id: string
  readonly emit: (event: 'said', data: Payload) => Promise<void>
}

const NOTHING: ReadonlyMap<string, number> = new Map()

/** A schema that lets everything through. */
function anything<TValue>() {
  return {
    '~standard': {
      version: 1 as const,
      vendor: 'simulation',
      validate: (value: unknown) => ({ value: value as TValue }),
      types: undefined as { readonly input: TValue; readonly output: TValue } | undefined,
    },
  }
}
