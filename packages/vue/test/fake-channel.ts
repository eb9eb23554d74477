/**
 * A channel in memory, with the contract of the real one towards bindings: an observer has no side effects until it
 * is subscribed, hands events to handlers and reducers at once, and tells its listeners once per frame.
 */
import type { ChannelHandle, ChannelState, ConnectionState, Observer, PresenceState } from '@triwire/client'
import type { Api } from './api.ts'

type AnyOptions = {
  readonly on?: Record<string, (data: unknown, meta: unknown) => void>
  readonly reduce?: Record<string, (state: unknown, data: unknown, meta: unknown) => unknown>
  readonly initial?: unknown
  readonly latest?: string
  readonly tail?: number
}

export class FakeChannel<TKey extends keyof Api['channels']> {
  readonly address: string
  /** Observers made, subscribed or not. */
  observers = 0
  /** Data that is there before an observer is made, because somebody else has been following the channel. */
  warm: unknown
  /** Subscriptions begun, ever. */
  subscriptions = 0
  /** What was asked of it: `publish message {"text":"hi"}`. */
  readonly calls: string[] = []
  readonly handle: ChannelHandle<Api['channels'][TKey]>
  readonly #open = new Set<{ event(name: string, data: unknown): void; frame(): void }>()
  #members: PresenceState<never> = { members: [], synced: false, error: undefined }

  constructor(_key: TKey, address: string) {
    this.address = address
    const call = (what: string, ...args: unknown[]) => {
      this.calls.push([what, ...args.map((arg) => JSON.stringify(arg))].join(' '))
    }
    const handle = {
      address,
      publish: async (event: string, data: unknown) => call(`publish ${event}`, data),
      signal: (signal: string, data: unknown) => call(`signal ${signal}`, data),
      commands: {
        send: async (input: unknown) => {
          call('send', input)
          return { id: '1' }
        },
      },
      observe: (options: AnyOptions) => this.#observe(options),
      observePresence: (options: { set?: unknown } = {}) => this.#observePresence(options, call),
    }
    this.handle = handle as unknown as ChannelHandle<Api['channels'][TKey]>
  }

  /** Subscriptions open now. */
  get open(): number {
    return this.#open.size
  }

  /** An event or a signal arrives. */
  emit(name: string, data: unknown): void {
    for (const observer of this.#open) observer.event(name, data)
  }

  /** The next frame: listeners hear of what changed. */
  frame(): void {
    for (const observer of this.#open) observer.frame()
  }

  /** These are present. */
  present(...names: string[]): void {
    const members = names.map((name) => ({ id: name, value: { name } as never, self: false }))
    this.#members = { members, synced: true, error: undefined }
    this.frame()
  }

  #observe(first: AnyOptions) {
    this.observers++
    let options = first
    let data: unknown = typeof first.initial === 'function' ? first.initial({ messages: [] }) : first.initial
    const start: ChannelState<unknown> = { status: 'joining', data: undefined, error: undefined, pending: 0 }
    let state: ChannelState<unknown> = start
    let changed = true
    if (this.warm !== undefined) state = { status: 'live', data: this.warm, error: undefined, pending: 0 }
    const { subscribe } = this.#subscription({
      event: (name, payload) => {
        const meta = { cursor: '', replayed: false, overlap: false, cause: undefined, own: false }
        if (options.latest === name) data = payload
        data = options.reduce?.[name]?.(data, payload, meta) ?? data
        options.on?.[name]?.(payload, meta)
        changed = true
      },
      frame: () => {
        if (!changed) return false
        changed = false
        state = { status: 'live', data, error: undefined, pending: 0 }
        return true
      },
    })
    return {
      subscribe,
      getSnapshot: () => state,
      getStart: () => start,
      setOptions: (next: AnyOptions) => {
        options = next
      },
    }
  }

  #observePresence({ set }: { set?: unknown }, call: (what: string, value: unknown) => void) {
    this.observers++
    let state: PresenceState<never> = { members: [], synced: false, error: undefined }
    const { subscribe } = this.#subscription(
      {
        event: () => {},
        frame: () => {
          const before = state
          state = this.#members
          return state !== before
        },
      },
      () => set !== undefined && call('set', set),
    )
    return { subscribe, getSnapshot: () => state, update: (value: unknown) => call('update', value) }
  }

  #subscription(
    observer: { event(name: string, data: unknown): void; frame(): boolean },
    onFirst: () => void = () => {},
  ) {
    const listeners = new Set<() => void>()
    const entry = {
      event: observer.event,
      frame: () => {
        if (observer.frame()) for (const listener of listeners) listener()
      },
    }
    return {
      subscribe: (listener: () => void) => {
        const own = () => listener()
        listeners.add(own)
        this.subscriptions++
        this.#open.add(entry)
        if (listeners.size === 1) onFirst()
        return () => {
          listeners.delete(own)
          if (listeners.size === 0) this.#open.delete(entry)
        }
      },
    }
  }
}

/** A client whose connection the test sets. */
export function fakeClient(first: ConnectionState['state']): {
  readonly connection: Observer<ConnectionState>
  readonly listeners: Set<() => void>
  set(state: ConnectionState['state']): void
} {
  const listeners = new Set<() => void>()
  const make = (state: ConnectionState['state']): ConnectionState => ({
    state,
    wire: undefined,
    rtt: undefined,
    attempt: 0,
    retryAt: undefined,
    error: undefined,
  })
  let current = make(first)
  return {
    listeners,
    connection: {
      subscribe: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      getSnapshot: () => current,
    },
    set(state) {
      current = make(state)
      for (const listener of listeners) listener()
    },
  }
}
