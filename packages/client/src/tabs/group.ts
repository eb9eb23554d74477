/**
 * The tabs of one user at one server, seen from one of them: who leads, and is the leader still there? A lock says who
 * leads, and a browser gives it on when its tab closes or crashes. A tab that stands still keeps its lock, so one that
 * does not answer is taken it away. What a leader says carries its term: whoever was replaced and does not know is not
 * listened to.
 */
import type { LeaderLines, LeaderState, TabMessage, Wishes } from './message.ts'
import type { Relay, RelayOptions } from './relay.ts'

/** Milliseconds without a word from the leader after which it is asked, and those it has to answer. */
const QUIET_MS = 5000

/** What a group asks of the tab that is in it. */
export interface GroupHost {
  readonly wishes: () => Wishes
  /** Where the leader stands; undefined: there is another one, who has not said so yet. */
  readonly handleState: (state: LeaderState | undefined) => void
  readonly handleLines: (lines: LeaderLines) => void
  /** This tab leads. */
  readonly lead: (options: Pick<RelayOptions, 'term' | 'post' | 'watch'>) => Relay
}

/** The group, for one tab in it. */
export interface Group {
  /** Tells the leader what this tab wants; it answers. */
  ask(): void
  /** Leaves, and leads no more: another tab does from the next moment on. */
  leave(): void
}

/** Enters a group. */
export function enterGroup(name: string, host: GroupHost): Group {
  const channel = new BroadcastChannel(name)
  const ended = new AbortController()
  const { signal } = ended
  const left = new Promise<void>((resolve) => {
    signal.onabort = () => resolve()
  })
  let relay: Relay | undefined
  let term = 0
  /** How often the clock has struck since the leader was heard. */
  let quiet = 0
  let struckAt = Date.now()

  const ask = (): void => post(host.wishes())

  // ── Who leads ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when the lock is given back, was taken away, or is wanted no more. */
  const lock = async (
    what: string,
    handleGranted: () => unknown,
    options: LockOptions = { signal },
  ): Promise<void> => {
    await navigator.locks.request(what, options, handleGranted).catch(() => {})
  }

  /** The lock that a tab holds while it is there. */
  const lockOf = (tab: string): string => `${name} ${tab}`

  const stand = async (options?: LockOptions): Promise<void> => {
    let own: Relay | undefined
    const handleGranted = (): Promise<void> | undefined => {
      if (signal.aborted) return undefined
      relay = own = host.lead({
        // By the clock, because a tab that leads at once has not heard of any term; and no two the same.
        term: Math.max(term + 1, Date.now()) + Math.random(),
        post,
        watch: (tab, handleGone) => void lock(lockOf(tab), () => own === relay && handleGone()),
      })
      return left
    }
    await lock(name, handleGranted, options)
    own?.close()
    if (relay === own) relay = undefined
    // Its place was taken while it stood still: it may have it back when whoever took it goes.
    if (own && !signal.aborted) void stand()
  }

  // ── Is it there ─────────────────────────────────────────────────────────────────────────────────────────────

  const timer = setInterval(() => {
    const now = Date.now()
    // A page that stood still itself has answers waiting that it has not seen. Or its timers are slow, as in the background.
    const patience = now - struckAt > QUIET_MS * 2 ? 3 : 1
    struckAt = now
    if (quiet > patience && !relay) {
      quiet = 0
      void stand({ steal: true })
    }
    if (quiet++) ask()
  }, QUIET_MS)

  // ── What is said ────────────────────────────────────────────────────────────────────────────────────────────

  const handle = (message: TabMessage): void => {
    if ('tab' in message) relay?.handleWishes(message)
    else if (message.term >= term) {
      if (message.term > term) {
        term = message.term
        host.handleState(undefined)
        ask()
      }
      quiet = 0
      if ('text' in message) host.handleLines(message)
      else host.handleState(message)
    }
  }

  /** To the others, and to this tab itself: the leader's own tab is one like any other. */
  const post = (message: TabMessage): void => {
    if (signal.aborted) return
    channel.postMessage(message)
    handle(message)
  }

  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => handle(data)
  void lock(lockOf(host.wishes().tab), () => {
    ask()
    return left
  })
  void stand()
  return {
    ask,
    leave() {
      ended.abort()
      relay?.close()
      clearInterval(timer)
      channel.close()
    },
  }
}
