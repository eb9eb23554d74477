/**
 * The state of one view: the fold of what the server has confirmed, and the guesses of this session's commands on it.
 *
 * Three things end a guess. Its **failure** does at once. The **reply** says where the command's last event stands, and
 * when the fold has come there, by events or by a snapshot, the guess has been replaced; a reply without a position has no
 * event to wait for. And its own **events** do, if the reply keeps them waiting.
 *
 * Twice, what is confirmed and what is guessed do not fit together for a moment: between the first event of a command and
 * the word that it was the last, and behind a fresh snapshot, which may or may not contain what a command without a reply
 * has done. Either way one of the two would be shown twice, or a part of it vanish and come back. So the view stands still
 * for that moment, with what it showed before. The moment is bounded; a wire that is down does not count, since nothing
 * else would come over it either.
 */
import { type Cursor, type Delivery, parseCursor, type TriwireError } from '@triwire/protocol'
import { Cell } from './cell.ts'
import type { HandleParts } from './channel-handle.ts'
import type { ChannelSnapshot } from './channel-types.ts'
import { Fold, type FoldHost } from './fold.ts'
import { joiningState } from './idle.ts'
import { attempt } from './report.ts'
import { startingState } from './starting-state.ts'
import type { FailedCommand, PendingCommand, ViewState } from './view-types.ts'

/** Milliseconds a view stands still between the first event of a command and its reply. */
const ECHO_HOLD_MS = 200
/** Milliseconds it does behind a snapshot, until commands without a reply have one: about a round trip. */
const SNAPSHOT_HOLD_MS = 1000
/**
 * Milliseconds behind its reply after which a command's promise waits no longer, and its guess neither where the channel is
 * up to date: its events were lost by the store, before this client could see that they were there.
 */
const APPLIED_MS = 5000
/** Failed commands that are kept until they are dismissed. */
const MAX_FAILED = 10

type Guess = (state: unknown, input: unknown, id: string) => unknown

/** A command that is under way. */
interface Call {
  readonly pending: PendingCommand
  /** Its name in the causes of its events, behind the member's. */
  readonly key: string
  guess: Guess | undefined
  /** Whether an event of its own has been folded. */
  echoed: boolean
  /** Its reply, when it has come, and how often the log had lost something by then. */
  reply: { readonly at: Cursor | undefined; readonly losses: number } | undefined
  /** The fold has come to where its last event stands. */
  done: boolean
  /** Lets its promise resolve. */
  readonly applied: () => void
  timer: ReturnType<typeof setTimeout> | undefined
}

/** What the state is made by, without its types. */
export interface PlainDefinition {
  readonly initial: unknown
  readonly reduce?: unknown
  readonly tail?: number
  readonly optimistic?: Readonly<Record<string, Guess>>
  readonly readYourWrites?: boolean
}

/** One view of one channel. */
export class ViewStore {
  readonly cell: Cell<ViewState<unknown>>
  readonly #parts: HandleParts
  readonly #definition: PlainDefinition
  readonly #fold: Fold
  #running = false
  /** By their keys, in the order they were called. */
  readonly #calls = new Map<string, Call>()
  /** Those with a reply that are not done: only they can be done by what comes. */
  readonly #replied = new Set<Call>()
  /** All of them as a list to show; undefined where they have changed. */
  #underWay: readonly PendingCommand[] | undefined = joiningState.underWay
  #failed: readonly FailedCommand[] = joiningState.failed
  /** What is shown instead of the fold's state for a moment, and the calls that it is for. */
  #held: { readonly data: unknown; readonly known: boolean; readonly calls: Set<Call>; ms: number } | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** How often the log had lost events that were acknowledged. */
  #losses = 0
  /** Where the fold stood when it was told so last: it has begun behind that when it stands elsewhere. */
  #lostAt: Cursor | undefined
  #shown: { readonly base: unknown; readonly guesses: readonly Call[]; readonly data: unknown } | undefined
  readonly #starts = new WeakMap<object, ViewState<unknown>>()
  #from: ChannelSnapshot<unknown> | undefined

  /** @param tell calls the handlers of all who observe it */
  constructor(parts: HandleParts, definition: PlainDefinition, tell: FoldHost['tell']) {
    this.#parts = parts
    this.#definition = definition
    const { initial, reduce, tail } = definition
    const options = { initial, reduce, tail } as ReturnType<FoldHost['options']>
    this.#fold = new Fold(parts.store, {
      options: () => options,
      tell,
      before: (delivery) => this.#handleDelivery(delivery),
      changed: () => this.#handleChange(),
    })
    this.cell = new Cell(joiningState, () => this.#compute(), {
      start: () => {
        this.#running = true
        const from = this.#from
        this.#fold.start(from, from && this.startOf(from).data)
        this.#from = undefined
      },
      stop: () => this.#stop(),
    })
  }

  /** The state that was handed over; the same object for the same snapshot. */
  startOf(from: ChannelSnapshot<unknown>): ViewState<unknown> {
    let start = this.#starts.get(from)
    if (start === undefined) {
      start = { ...joiningState, ...startingState(from, this.#definition.initial) } as ViewState<unknown>
      this.#starts.set(from, start)
    }
    return start
  }

  /** Where to begin, unless it has begun. */
  beginAt(from: ChannelSnapshot<unknown>): void {
    if (!this.#running) this.#from = from
  }

  /** Calls a command; resolves with its reply. */
  async call(name: string, input: unknown): Promise<unknown> {
    const { store, host } = this.#parts
    const { optimistic, readYourWrites = true } = this.#definition
    const { session } = host
    const { key, answer } = host.ask(store, (now) => session.command(store.address, name, input, now))
    const id = key.slice(2)
    const { member } = session
    let applied = (): void => {}
    const isApplied = new Promise<void>((resolve) => {
      applied = resolve
    })
    const call: Call = {
      pending: { id: member === undefined ? id : `${member}.${id}`, command: name, input },
      key: id,
      guess: optimistic && Object.hasOwn(optimistic, name) ? optimistic[name] : undefined,
      echoed: false,
      reply: undefined,
      done: false,
      applied,
      timer: undefined,
    }
    this.#calls.set(id, call)
    this.#underWay = undefined
    this.#changed()
    try {
      const { data, at } = await answer
      this.#handleReply(call, at)
      if (readYourWrites) await isApplied
      return data
    } catch (error) {
      this.#handleFailure(call, error as TriwireError)
      throw error
    }
  }

  // ── What happens to guesses ─────────────────────────────────────────────────────────────────────────────────

  /** Before it is folded: the state that it changes is the one to stand still with. */
  #handleDelivery(delivery: Delivery): void {
    if (delivery.type === 'event' && delivery.own) {
      const { cause = '' } = delivery
      const call = this.#calls.get(cause.slice(cause.lastIndexOf('.') + 1))
      if (call === undefined || call.done) return
      call.echoed = true
      if (call.guess) this.#hold([call], ECHO_HOLD_MS)
    } else if (delivery.type === 'snapshot') {
      const open = [...this.#calls.values()].filter(({ guess, done }) => guess && !done)
      this.#hold(open, SNAPSHOT_HOLD_MS)
    } else if (delivery.type === 'gap' && delivery.reason === 'lost_tail') {
      this.#losses++
      this.#lostAt = this.#fold.follower.position
    }
  }

  #handleReply(call: Call, at: string | undefined): void {
    call.reply = { at: at === undefined ? undefined : parseCursor(at), losses: this.#losses }
    this.#replied.add(call)
    this.#expire(call)
    this.#handleChange()
  }

  #expire(call: Call): void {
    call.timer = setTimeout(() => {
      call.applied()
      if (this.#parts.store.current) call.done = true
      else this.#expire(call)
      this.#handleChange()
    }, APPLIED_MS)
  }

  #handleFailure(call: Call, error: TriwireError): void {
    const { command, input } = call.pending
    this.#remove(call)
    const failed: FailedCommand = {
      ...call.pending,
      error,
      retry: () => {
        failed.dismiss()
        return this.call(command, input)
      },
      dismiss: () => {
        this.#failed = this.#failed.filter((other) => other !== failed)
        this.#changed()
      },
    }
    this.#failed = [...this.#failed, failed].slice(-MAX_FAILED)
    this.#handleChange()
  }

  /** Whether everything this command did is in the fold's state, or never will be. */
  #isDone({ reply }: Call): boolean {
    if (!reply) return false
    const { at, losses } = reply
    if (!this.#running || this.#fold.error || at === undefined) return true
    const { position, awaitsSnapshot } = this.#fold.follower
    // Until the channel is up to date, the log that the reply speaks of may be another one than this fold's.
    if (!position || position === this.#lostAt || awaitsSnapshot || !this.#parts.store.current) return false
    return position.epoch !== at.epoch || position.offset >= at.offset || losses < this.#losses
  }

  #handleChange(): void {
    const held = this.#held
    for (const call of this.#replied) {
      call.done ||= this.#isDone(call)
      if (!call.done) continue
      this.#replied.delete(call)
      held?.calls.delete(call)
    }
    if (held) {
      if (held.calls.size === 0 || this.#fold.error) this.#release()
      else if (!this.#parts.store.current) this.#stopTimer()
      else this.#timer ??= setTimeout(() => this.#giveWay(), held.ms)
    }
    this.#changed()
  }

  // ── Standing still ──────────────────────────────────────────────────────────────────────────────────────────

  #hold(calls: readonly Call[], ms: number): void {
    if (calls.length === 0) return
    if (!this.#held) {
      // Done since the last frame: it is in the state to stand still with.
      for (const call of this.#calls.values()) if (call.done) call.guess = undefined
      this.#held = { data: this.#fold.data, known: this.#fold.known, calls: new Set(), ms }
    }
    for (const call of calls) this.#held.calls.add(call)
    if (ms > this.#held.ms) {
      this.#held.ms = ms
      this.#stopTimer()
    }
  }

  /** It has lasted too long: what has come of a command takes the place of its guess. */
  #giveWay(): void {
    for (const call of this.#held?.calls ?? []) if (call.echoed || call.reply) call.guess = undefined
    this.#release()
    this.#changed()
  }

  #release(): void {
    this.#stopTimer()
    this.#held = undefined
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  // ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────

  #remove(call: Call): void {
    this.#calls.delete(call.key)
    this.#held?.calls.delete(call)
    this.#underWay = undefined
  }

  #changed(): void {
    if (this.#running) this.cell.invalidate()
    else this.#finish()
  }

  /** Forgets what is done; its promises resolve. Not while the view stands still: what is done is not shown then. */
  #finish(): void {
    if (this.#held) return
    for (const call of this.#calls.values()) {
      if (!call.done) continue
      this.#remove(call)
      clearTimeout(call.timer)
      call.applied()
    }
  }

  #compute(): ViewState<unknown> {
    this.#finish()
    const fold = this.#fold
    const known = this.#held ? this.#held.known : fold.known
    const { error } = fold
    const status = error || known ? fold.status : 'joining'
    const data = known ? this.#show(this.#held ? this.#held.data : fold.data) : undefined
    const { pending } = this.#parts.store
    this.#underWay ??= Array.from(this.#calls.values(), ({ pending }) => pending)
    return { status, data, error, pending, underWay: this.#underWay, failed: this.#failed } as ViewState<unknown>
  }

  /** The guesses on a state, in the order they were called. The same as before where neither has changed. */
  #show(base: unknown): unknown {
    const guesses = [...this.#calls.values()].filter(({ guess }) => guess)
    const shown = this.#shown
    if (shown && Object.is(shown.base, base) && isSame(shown.guesses, guesses)) return shown.data
    let data = base
    for (const call of guesses)
      attempt(() => {
        const guess = call.guess as Guess
        // One that throws is not asked again.
        call.guess = undefined
        data = guess(data, call.pending.input, call.pending.id)
        call.guess = guess
      })
    this.#shown = { base, guesses, data }
    return data
  }

  #stop(): void {
    this.#running = false
    this.#fold.stop()
    this.#release()
    this.#shown = undefined
    this.#handleChange()
  }
}

function isSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((one, index) => one === others[index])
}
