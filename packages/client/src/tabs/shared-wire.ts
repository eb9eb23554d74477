/**
 * The wire of a tab that shares. It asks for whatever this tab has missed by polls of its own, as the tab's own session
 * and with its own token; and where a polling wire would hold the next poll, it listens to what the leading tab passes
 * on. So joins, replays, gaps, snapshots and permissions are between each tab and the server, publishes and commands too,
 * and the worst that the others can do to it is to make it poll.
 *
 * A tab is *level* when it has asked the server since the leader has stood in all its channels: then the two leave no
 * hole, and it rests.
 */
import type { Driver } from '../driver.ts'
import { createRequests, type Outcome } from '../requests.ts'
import { watchPage } from '../waking.ts'
import type { Wire, WireOptions } from '../wire.ts'
import { enterGroup, type Group } from './group.ts'
import type { LeaderState } from './message.ts'
import { createRelay, type RelayOptions } from './relay.ts'

/** Milliseconds a request may take. */
const TIMEOUT_MS = 10_000
/** Milliseconds between polls while there is nobody to listen to. */
const PAUSE_MS = 2000
/** As long as a timer can be. */
const RESTING_MS = 2 ** 31 - 1
/** Milliseconds that the leader has to pass on what this tab has brought about. */
const ECHO_MS = 1000
/** Characters of an answer beyond which there may be more where it came from. */
const PAGE_LENGTH = 2 ** 18
/** Batches that are kept while a poll is under way; beyond it the next poll brings what they said. */
const MOST_HELD = 1000

/**
 * The session id that every tab asks about, to learn who its user is: servers make the name of a session from user and id,
 * so the same id has the same name where the user is the same. Nothing is ever done under this one.
 */
const NOBODY = 'A'.repeat(22)

/**
 * Opens it.
 * @param driver that of this tab
 * @param createDriver makes the one of the relay, should this tab lead
 */
export function openShared(
  options: WireOptions,
  { session, connection }: Driver,
  createDriver: RelayOptions['createDriver'],
): Wire {
  const { url, source, listener } = options
  let group: Group | undefined
  /** How often one was entered or left. */
  let turns = 0
  let away = false
  /** The name under which the server knows this tab's session. */
  let member: string | undefined
  let joins: Record<string, boolean> = {}
  let values: Record<string, string> = {}
  let state: LeaderState | undefined
  /** Where the leader has stood since this tab has asked; undefined: this tab does not rest. */
  let level: string | undefined
  /** What the leader has said while a poll is under way: it comes after the answer. */
  let held: string[] | undefined
  /** How often the leader has passed something on. */
  let heard = 0
  /** Ends the poll or the rest that is under way. */
  let poll = new AbortController()

  const handleText = (text: string, apart?: boolean): void => {
    listener.handleText(text, apart)
    if (session.member === member) return
    member = session.member
    void enter()
  }

  const { ask, pause, send, close } = createRequests({
    ...options,
    listener: {
      ...listener,
      handleText(text) {
        handleText(text, true)
        const before = heard
        // A position: there is an event, and a leader that stands still does not pass it on.
        if (text.includes('"at":'))
          setTimeout(() => {
            if (!held && heard === before) poll.abort()
          }, ECHO_MS)
      },
    },
  })

  // ── Polls ───────────────────────────────────────────────────────────────────────────────────────────────────

  const run = async (): Promise<void> => {
    for (let outcome: Outcome = 'answered'; outcome !== 'over'; ) {
      poll = new AbortController()
      held ??= []
      const opening = source.opening(0)
      joins = {}
      values = {}
      opening.split('\n').forEach(handleOwn)
      group?.ask()
      const begun = place()
      let more = false
      outcome = await ask('/poll', opening, TIMEOUT_MS, poll, (text) => {
        handleText(text)
        more = session.behind || held?.length === MOST_HELD || text.length > PAGE_LENGTH
        level = more ? undefined : begun
        const texts = held ?? []
        held = undefined
        texts.forEach(pass)
      })
      const now = place()
      if (outcome !== 'answered' || more || (now && now !== level)) continue
      level = now
      connection.handleShared(now ? state : undefined)
      await pause(now ? RESTING_MS : PAUSE_MS, poll)
    }
  }

  /** What this tab asks of the server it asks of the leader as well. */
  const handleOwn = (line: string): void => {
    const { t, ch, n, d, pres } = JSON.parse(line)
    if (t === 'join') joins[ch] = pres !== undefined
    if (t !== 'pres') return
    if (d === undefined) delete values[ch]
    else values[ch] = JSON.stringify({ t, ch, n, s: session.id, d })
  }

  // ── The leader ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Where the leader stands for this tab: the stays in all its channels; undefined where it is not in one of them. */
  const place = (): string | undefined => {
    const stays = Object.keys(joins).map((channel) => state?.standing?.[channel])
    return state?.standing && !stays.includes(undefined) ? `${state.term} ${stays}` : undefined
  }

  const handleState = (next: LeaderState | undefined): void => {
    state = next
    // A poll that is under way looks at it when it is answered.
    if (held) return
    if (place() !== level) poll.abort()
    else if (level) connection.handleShared(state)
  }

  /** Takes it as if it had come over this tab's own wire. */
  const pass = (text: string): void => {
    if (level && level === place()) listener.handleText(text)
  }

  // ── The group ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Enters the group of whoever this tab's user is now. */
  const enter = async (): Promise<void> => {
    leave()
    const turn = turns
    const key = await identify(NOBODY)
    if (!key || turn !== turns || away) return
    group = enterGroup(`triwire 1 ${url} ${key}`, {
      wishes: () => ({ tab: session.id, joins, values }),
      handleState,
      handleLines({ text }) {
        heard++
        if (!held) pass(text)
        else if (held.length < MOST_HELD) held.push(text)
      },
      lead: (led) =>
        createRelay({
          ...led,
          createDriver,
          async verify(relayed) {
            const name = await identify(relayed.id)
            // In this order: by the time of the second answer, whoever the wire was opened for is who the tab is.
            if ((await identify(NOBODY)) === key && name === relayed.member) return true
            leave()
            void pause(PAUSE_MS, new AbortController()).then(enter)
            return false
          },
        }),
    })
  }

  const leave = (): void => {
    turns++
    group?.leave()
    group = undefined
    handleState(undefined)
  }

  /** The name that the server gives to a session of this tab's user. */
  const identify = async (id: string): Promise<string | undefined> => {
    let name: string | undefined
    const hello = (): string => JSON.stringify({ ...JSON.parse(source.hello()), s: id })
    const handle = (text: string): void => {
      name = JSON.parse(text).m
    }
    while ((await ask('/send', hello(), TIMEOUT_MS, new AbortController(), handle)) === 'lost');
    return name
  }

  const unwatch = watchPage(['freeze', 'pagehide', 'resume', 'pageshow'], ({ type }) => {
    // A page that is about to stand still, or to be put aside: with a lock it could not even be that.
    const going = type === 'freeze' || type === 'pagehide'
    if (going) leave()
    // A page that has just been loaded is shown as well.
    else if (away) void enter()
    away = going
  })

  void run()
  return {
    send(lines) {
      for (const { text } of lines)
        if (text.startsWith('{"t":"pres"')) {
          handleOwn(text)
          group?.ask()
        }
      // A tab that rests is silent: the leader asks for signs of life.
      send(lines.filter(({ text }) => held || !level || !text.startsWith('{"t":"ping"')))
    },
    change: () => poll.abort(),
    close(last) {
      unwatch()
      leave()
      connection.handleShared(undefined)
      // A goodbye by this tab itself: the leader may be this tab, too.
      close(last)
    },
  }
}
