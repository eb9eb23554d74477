/**
 * What the leading tab does for all: it keeps a session of its own on a real wire, is in every channel that any tab is
 * in, holds their presence, and passes on what comes. It keeps nothing for anybody. A tab that has missed something asks
 * the server.
 */
import { type Delivery, decodeDownstream, type Session } from '@triwire/protocol'
import type { Driver } from '../driver.ts'
import type { LeaderLines, LeaderState, Wishes } from './message.ts'

/** Milliseconds before a channel that it was let out of is tried again. */
const RETRY_MS = 30_000

/** What a relay is made of. */
export interface RelayOptions {
  readonly term: number
  readonly post: (message: LeaderState | LeaderLines) => void
  /** Calls back when a tab is gone, in whatever way it went. */
  readonly watch: (tab: string, handleGone: () => void) => void
  readonly createDriver: (
    handleDelivery: (delivery: Delivery) => void,
    handleText: (text: string, replaced: boolean) => void,
  ) => Driver
  /** Asks the server whether this session, under the name it has in the end, is one of the group's user. */
  readonly verify: (session: Session) => Promise<boolean>
}

/** The relay. */
export interface Relay {
  /** A tab says what it wants, and hears where the leader stands. */
  handleWishes(wishes: Wishes): void
  close(): void
}

/** Starts it. */
export function createRelay({ term, post, watch, createDriver, verify }: RelayOptions): Relay {
  const tabs = new Map<string, Wishes>()
  /** The channels that are asked for, and whether with presence. */
  let joins: Record<string, boolean> = {}
  /** The presence that is held, by tab and channel. */
  let values: Record<string, string> = {}
  const standing: Record<string, number> = {}
  let stays = 0
  /** The name under which the server knows the session: another one is another user. */
  let member: string | undefined
  let verified = false
  let announcing = false

  /** Says where it stands, once for everything that happens in one turn. */
  const announce = (): void => {
    if (announcing) return
    announcing = true
    queueMicrotask(() => {
      announcing = false
      const { wire, rtt } = observer.getSnapshot()
      post({ term, standing: verified ? { ...standing } : undefined, wire, rtt })
    })
  }

  /** Has the session ask for what the tabs want together. */
  const update = (): void => {
    const wanted: Record<string, boolean> = {}
    const shown: Record<string, string> = {}
    for (const { tab, joins, values } of tabs.values()) {
      for (const channel in joins) wanted[channel] ||= joins[channel] as boolean
      for (const channel in values) shown[`${tab} ${channel}`] = values[channel] as string
    }
    for (const [channel, presence] of changes(joins, wanted))
      if (presence === undefined) {
        session.unsubscribe(channel)
        delete standing[channel]
      } else
        try {
          session.subscribe(channel, { presence }, false)
        } catch {
          // More than one wire may carry: whoever wants it polls.
          delete wanted[channel]
        }
    for (const [key, line] of changes(values, shown))
      session.holdPresence(
        key,
        line ?? JSON.stringify({ ...JSON.parse(values[key] as string), d: undefined }),
        !line,
      )
    joins = wanted
    values = shown
    // Also where nothing has changed: the timers of a hidden page are late, and whoever asks may be in sight.
    driver.pump()
    announce()
  }

  const handleDelivery = (delivery: Delivery): void => {
    const { type } = delivery
    if (type === 'current') standing[delivery.channel] ??= ++stays
    else if (type === 'ended' || type === 'stale' || (type === 'start' && delivery.who !== 'newcomers')) {
      const { channel } = delivery
      delete standing[channel]
      if (type === 'ended') setTimeout(() => delete joins[channel], RETRY_MS)
    } else return
    announce()
  }

  const driver = createDriver(handleDelivery, (text, replaced) => {
    if (session.member !== member) {
      member = session.member
      verified = false
      void verify(session).then((ours) => {
        verified = ours
        announce()
      })
    }
    if (!verified) return
    // What has no position counts only on the wire that stays.
    const lines = text.split('\n').filter((line) => {
      const t = decodeDownstream(line)?.t
      return t === 'ev' || (!replaced && (t === 'sig' || t === 'pres'))
    })
    if (lines.length > 0) post({ term, text: lines.join('\n') })
  })
  const { session } = driver
  const { observer } = driver.connection
  observer.subscribe(announce)
  announce()

  return {
    handleWishes(wishes) {
      const { tab } = wishes
      if (!tabs.has(tab))
        watch(tab, () => {
          tabs.delete(tab)
          update()
        })
      tabs.set(tab, wishes)
      update()
    },
    close: () => driver.close(),
  }
}

/** What is not as before, with what it is now; undefined: no more. */
function changes<TValue>(
  before: Readonly<Record<string, TValue>>,
  now: Readonly<Record<string, TValue>>,
): (readonly [key: string, value: TValue | undefined])[] {
  const all = Object.keys({ ...before, ...now })
  return all.filter((key) => before[key] !== now[key]).map((key) => [key, now[key]])
}
