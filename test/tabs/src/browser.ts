/**
 * A browser with several tabs in one process: Web Locks, BroadcastChannel, page events, timers and `fetch`, as far as tabs
 * that share a wire use them. A tab can crash, so that nothing of it runs any more and its locks are given on; or be
 * frozen, so that whatever would have happened in it happens when it wakes, in the same order.
 *
 * What runs in which tab is known by the asynchronous context: timers, messages and answers come back to the tab that
 * asked for them. Time is that of Vitest's fake timers.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

const inside = new AsyncLocalStorage<Tab>()

/** One tab. */
export class Tab {
  readonly browser: Browser
  readonly name: string
  readonly document: EventTarget & { visibilityState: string } = Object.assign(new EventTarget(), {
    visibilityState: 'visible',
  })
  readonly window: EventTarget = new EventTarget()
  readonly ended = new AbortController()
  frozen = false
  /** Put aside, for the way back. */
  aside = false
  /** Whether the page was told that it would be frozen. */
  told = false
  /** Milliseconds between two runs of an interval at least: browsers slow down the timers of hidden pages. */
  slowMs = 0
  /** What happens when it wakes. */
  readonly #waiting: (() => void)[] = []

  constructor(browser: Browser, name: string) {
    this.browser = browser
    this.name = name
    Object.defineProperty(this.window, 'localStorage', {
      get: () => {
        if (browser.forbidden) throw new DOMException('Not in a sandbox.', 'SecurityError')
        return undefined
      },
    })
  }

  get alive(): boolean {
    return !this.ended.signal.aborted
  }

  /** Runs what happens in this tab: now, when it wakes, or never. @param first whether it comes before all that waits */
  enter(callback: () => void, first = false): void {
    if (!this.alive) return
    if (!this.frozen && this.#waiting.length === 0) inside.run(this, callback)
    else if (first) this.#waiting.unshift(callback)
    else this.#waiting.push(callback)
  }

  /** Runs code of a page in this tab. */
  run<TResult>(callback: () => TResult): TResult {
    return inside.run(this, callback)
  }

  /** @param announced whether the page is told, as it is unless the whole device or the process stands still */
  freeze(announced: boolean): void {
    if (announced) this.#dispatch(this.window, 'freeze')
    this.frozen = true
    this.told = announced
  }

  /** @param announced whether the page is told */
  wake(announced: boolean): void {
    if (!this.frozen) return
    this.frozen = false
    if (announced) this.#dispatch(this.window, 'resume')
    this.#next()
  }

  /** It is navigated away from and put aside, or brought back. */
  hide(): void {
    this.#dispatch(this.window, 'pagehide')
    this.frozen = true
    this.aside = true
  }

  show(): void {
    this.frozen = false
    this.aside = false
    this.#dispatch(this.window, 'pageshow')
    this.#next()
  }

  /** Nothing of it runs any more. */
  crash(): void {
    this.ended.abort()
    this.browser.handleGone(this)
  }

  /** What has waited comes in order, each in a task of its own, and what is new behind it. */
  #next(): void {
    const [callback] = this.#waiting
    if (callback === undefined || this.frozen || !this.alive) return
    inside.run(this, callback)
    this.#waiting.shift()
    outside(() => setImmediate(() => this.#next()))
  }

  #dispatch(target: EventTarget, type: string): void {
    inside.run(this, () => target.dispatchEvent(new Event(type)))
  }
}

interface LockRequest {
  readonly tab: Tab
  readonly granted: () => Promise<void> | undefined
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  /** While it waits. */
  signal?: AbortSignal | undefined
  abort?: () => void
}

interface FakeLock {
  holder: LockRequest | undefined
  queue: LockRequest[]
}

/** The browser. */
export class Browser {
  hasLocks = true
  /** Milliseconds a message takes from tab to tab. */
  messageMs = 0
  /** A page that may keep nothing: a sandboxed frame, or one without any cookies. */
  forbidden = false
  /** Messages between tabs, in the order they were posted. */
  readonly messages: { readonly channel: string; readonly message: object }[] = []
  readonly #locks = new Map<string, FakeLock>()
  readonly #channels = new Map<string, Set<FakeChannel>>()
  #tabs = 0

  open(): Tab {
    return new Tab(this, `tab ${++this.#tabs}`)
  }

  /** The tab that holds a lock whose name fits. */
  holderOf(name: RegExp): Tab | undefined {
    for (const [key, { holder }] of this.#locks) if (name.test(key) && holder) return holder.tab
    return undefined
  }

  /** Locks held or waited for. */
  get lockCount(): number {
    return [...this.#locks.values()].reduce((sum, { holder, queue }) => sum + queue.length + (holder ? 1 : 0), 0)
  }

  get channelCount(): number {
    return [...this.#channels.values()].reduce((sum, { size }) => sum + size, 0)
  }

  locksOf(tab: Tab): object {
    return {
      request: (
        name: string,
        options: { readonly signal?: AbortSignal; readonly steal?: boolean },
        granted: LockRequest['granted'],
      ) =>
        new Promise<void>((resolve, reject) => {
          if (options.signal?.aborted || (options.signal && options.steal))
            return reject(new DOMException('no', options.signal.aborted ? 'AbortError' : 'NotSupportedError'))
          if (this.forbidden) return reject(new DOMException('Not in a sandbox.', 'SecurityError'))
          const request: LockRequest = { tab, granted, resolve, reject }
          // Whatever a frozen tab asks for is asked when it wakes.
          tab.enter(() => this.#request(name, request, options))
        }),
    }
  }

  channelOf(tab: Tab): unknown {
    const browser = this
    return class extends FakeChannel {
      constructor(name: string) {
        super(browser, tab, name)
      }
    }
  }

  add(channel: FakeChannel): void {
    const all = this.#channels.get(channel.name) ?? new Set()
    this.#channels.set(channel.name, all.add(channel))
  }

  remove(channel: FakeChannel): void {
    this.#channels.get(channel.name)?.delete(channel)
  }

  post(from: FakeChannel, message: object): void {
    this.messages.push({ channel: from.name, message })
    const text = structuredClone(message)
    for (const channel of this.#channels.get(from.name) ?? []) {
      if (channel === from) continue
      // A task of its own, behind everything that was posted before.
      outside(() => setTimeout(() => channel.tab.enter(() => channel.onmessage?.({ data: text })), this.messageMs))
    }
  }

  handleGone(tab: Tab): void {
    for (const channels of this.#channels.values())
      for (const channel of channels) if (channel.tab === tab) channels.delete(channel)
    for (const lock of this.#locks.values()) {
      lock.queue = lock.queue.filter((request) => request.tab !== tab)
      if (lock.holder?.tab === tab) {
        lock.holder = undefined
        this.#grant(lock)
      }
    }
  }

  #request(name: string, request: LockRequest, { signal, steal }: { signal?: AbortSignal; steal?: boolean }): void {
    const lock: FakeLock = this.#locks.get(name) ?? { holder: undefined, queue: [] }
    this.#locks.set(name, lock)
    if (signal?.aborted) {
      request.reject(new DOMException('aborted', 'AbortError'))
      return
    }
    request.signal = signal
    request.abort = () => {
      lock.queue = lock.queue.filter((other) => other !== request)
      request.reject(new DOMException('aborted', 'AbortError'))
    }
    signal?.addEventListener('abort', request.abort)
    if (steal) {
      const robbed = lock.holder
      lock.holder = undefined
      robbed?.tab.enter(() => robbed.reject(new DOMException('stolen', 'AbortError')))
      lock.queue.unshift(request)
    } else lock.queue.push(request)
    this.#grant(lock)
  }

  #grant(lock: FakeLock): void {
    const request = lock.queue.shift()
    if (lock.holder || request === undefined) {
      if (request) lock.queue.unshift(request)
      return
    }
    lock.holder = request
    if (request.abort) request.signal?.removeEventListener('abort', request.abort)
    const granted = (): void => {
      if (lock.holder !== request) return
      void Promise.resolve(request.granted()).then(() => {
        if (lock.holder !== request) return
        lock.holder = undefined
        request.resolve()
        this.#grant(lock)
      })
    }
    outside(() => setImmediate(() => request.tab.enter(granted)))
  }
}

class FakeChannel {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  readonly tab: Tab
  readonly name: string
  readonly #browser: Browser

  constructor(browser: Browser, tab: Tab, name: string) {
    this.#browser = browser
    this.tab = tab
    this.name = name
    browser.add(this)
  }

  postMessage(message: object): void {
    // A tab that is gone says nothing; one that is frozen says it when it wakes.
    this.tab.enter(() => this.#browser.post(this, message))
  }

  close(): void {
    this.#browser.remove(this)
  }
}

/** What a page has in this tab. */
const GLOBALS: Readonly<Record<string, (tab: Tab) => unknown>> = {
  navigator: (tab) => ({ locks: tab.browser.hasLocks ? tab.browser.locksOf(tab) : undefined }),
  BroadcastChannel: (tab) => tab.browser.channelOf(tab),
  document: (tab) => tab.document,
  window: (tab) => tab.window,
}

/** Has code see the globals of the tab that it runs in. Returns how to put back what was there. */
export function keepGlobalsInTabs(): () => void {
  const restores = Object.entries(GLOBALS).map(([name, valueIn]) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, name)
    const original = (globalThis as Record<string, unknown>)[name]
    const get = (): unknown => {
      const tab = inside.getStore()
      return tab ? valueIn(tab) : original
    }
    Object.defineProperty(globalThis, name, { configurable: true, get })
    return (): void => {
      Reflect.deleteProperty(globalThis, name)
      if (before) Object.defineProperty(globalThis, name, before)
    }
  })
  return () => {
    for (const restore of restores) restore()
  }
}

/** Has timers run in the tab that has set them. Called behind `vi.useFakeTimers()`. */
export function keepTimersInTabs(): void {
  for (const name of ['setTimeout', 'setInterval', 'setImmediate'] as const) {
    const original = globalThis[name] as (callback: () => void, ...rest: unknown[]) => unknown
    const patched = (callback: () => void, ...rest: unknown[]): unknown => {
      const tab = inside.getStore()
      if (tab === undefined) return original(callback, ...rest)
      if (name !== 'setInterval') return original(() => tab.enter(callback), ...rest)
      let ranAt = 0
      let waits = false
      // One run waits at most. When the page wakes, it may come before messages that have waited for longer.
      const run = (): void => {
        if (waits || Date.now() - ranAt < tab.slowMs) return
        waits = true
        tab.enter(() => {
          waits = false
          ranAt = Date.now()
          callback()
        }, true)
      }
      return original(run, ...rest)
    }
    Object.assign(globalThis, { [name]: patched })
  }
}

/** Runs code that belongs to no tab: a server's. */
export function outside<TResult>(callback: () => TResult): TResult {
  return inside.exit(callback)
}
