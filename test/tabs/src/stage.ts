/** A server, a browser whose tabs share a wire, and what each tab has heard. */
import { createHash } from 'node:crypto'
import type { Client, ClientOptions, Gap } from '@triwire/client'
import { handleFetch } from '@triwire/edge/fetch'
import { channel, contract } from '@triwire/protocol'
import { createRealtime } from '@triwire/server'
import { vi } from 'vitest'
import { z } from 'zod'
import { Browser, keepGlobalsInTabs, keepTimersInTabs, type Tab } from './browser.ts'
import { Network } from './network.ts'

/** The contract. */
export const api = contract({
  ticks: channel('ticks/:room', {
    events: { tick: z.object({ n: z.number(), pad: z.string().optional() }) },
    history: { keep: 5000, ttl: '1h' },
  }),
  lobby: channel('lobby/:room', {
    events: { said: z.object({ from: z.string(), n: z.number() }) },
    publish: ['said'],
    signals: { waving: z.object({ from: z.string() }) },
    presence: z.object({ name: z.string() }),
    history: { keep: 5000, ttl: '1h' },
  }),
  notes: channel('notes/:room', {
    events: { noted: z.object({ id: z.string(), text: z.string() }) },
    commands: { note: { input: z.object({ text: z.string() }), output: z.object({ id: z.string() }) } },
    snapshot: z.array(z.string()),
  }),
})

/** One tab as a test sees it. */
export interface Seat {
  readonly tab: Tab
  readonly client: Client<typeof api>
  /** Numbers of room 1, as they came. */
  readonly ticks: number[]
  /** What was said in room 1. */
  readonly said: string[]
  readonly waves: string[]
  readonly gaps: Gap[]
  /** Who is in room 1, by name; undefined: not known. */
  readonly members: () => readonly string[]
  /** Shows this tab, under a name that may change. */
  readonly enter: (name: string) => void
  readonly say: (n: number) => Promise<unknown>
  /** Shows the notes of room 1, by a view whose commands show at once. */
  readonly openNotes: () => Notes
}

/** The notes as one tab shows them. */
export interface Notes {
  /** Everything that was shown, one after another. */
  readonly shown: (readonly string[])[]
  /** Texts of notes of this tab's own, as they were folded. */
  readonly own: string[]
  /** Resolves when the note has been folded. */
  readonly note: (text: string) => Promise<{ readonly id: string }>
}

/** Makes one. Called behind `vi.useFakeTimers()`. @param replayBytes of events that one answer of the server may bring */
export function createStage(replayBytes = 2 ** 20) {
  keepTimersInTabs()
  const restoreGlobals = keepGlobalsInTabs()
  // The digest of the host takes real time.
  vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (_algorithm, data) => {
    const bytes = createHash('sha256')
      .update(data as Uint8Array)
      .digest()
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  })
  const users = new Map<string, string>()
  const notes: { readonly id: string; readonly text: string }[] = []
  const refusedJoins = new Set<string>()
  const realtime = createRealtime(api, {
    auth: ({ token, headers }) => {
      const known = token ?? headers.get('cookie') ?? 'ann'
      return { id: users.get(known) ?? known, scope: known }
    },
    limits: { connectionsPerUser: 1000, connectionsPerAddress: 1000, replayBytes },
  })
    .on('ticks', { authorize: ({ user, params }) => !refusedJoins.has(`${user.scope} ${params.room}`) })
    .on('notes', {
      snapshot: () => notes.map(({ text }) => text),
      commands: {
        async note({ text }, { emit, id }) {
          // A command may run twice, and its effect happens once.
          if (!notes.some((note) => note.id === id)) notes.push({ id, text })
          await emit('noted', { id, text })
          return { id }
        },
      },
    })
  const network = new Network((request) => {
    const path = new URL(request.url).pathname.replace(/^\/rt/, '') || '/'
    return handleFetch(realtime.engine, request, { path })
  })
  const browser = new Browser()
  const seats: Seat[] = []

  /** A tab that follows the ticks and the lobby of room 1. */
  async function open(options: Partial<ClientOptions> = {}, follow = true): Promise<Seat> {
    const tab = browser.open()
    // Each page has its own modules, and so its own frames and timers.
    vi.resetModules()
    const { createClient, view } = await import('@triwire/client')
    const { shareTabs } = await import('@triwire/client/tabs')
    const seat = tab.run((): Seat => {
      const client = createClient<typeof api>({
        url: 'https://app.test/rt',
        wires: ['sse', 'polling'],
        fetch: network.fetchOf(tab),
        tabs: shareTabs(),
        ...options,
      })
      const ticks: number[] = []
      const said: string[] = []
      const waves: string[] = []
      const gaps: Gap[] = []
      const lobby = client.channels.lobby({ room: '1' })
      if (follow) {
        client.channels.ticks({ room: '1' }).on({ tick: ({ n }) => ticks.push(n), $gap: (gap) => gaps.push(gap) })
        lobby.on({
          said: ({ from, n }) => said.push(`${from} ${n}`),
          waving: ({ from }) => waves.push(from),
          $gap: (gap) => gaps.push(gap),
        })
      }
      let members: readonly string[] = []
      let shown: ReturnType<typeof lobby.observePresence> | undefined
      const enter = (name: string): void => {
        if (shown) {
          shown.update({ name })
          return
        }
        const presence = lobby.observePresence({ set: { name } })
        const read = (): void => {
          members = presence.getSnapshot().members.map(({ value }) => value.name)
        }
        presence.subscribe(read)
        read()
        shown = presence
      }
      const notesOf = view(client.channels.notes, {
        initial: (texts): readonly string[] => texts,
        reduce: { noted: (texts, { text }) => [...texts, text] },
        optimistic: { note: (texts, { text }) => [...texts, text] },
      })
      const openNotes = (): Notes => {
        const notes = notesOf({ room: '1' })
        const shown: (readonly string[])[] = []
        const own: string[] = []
        const observer = notes.observe({ on: { noted: ({ text }, meta) => meta.own && own.push(text) } })
        observer.subscribe(() => {
          const { data } = observer.getSnapshot()
          if (data && data.join() !== shown.at(-1)?.join()) shown.push(data)
        })
        return { shown, own, note: (text) => tab.run(() => notes.commands.note({ text })) }
      }
      return {
        tab,
        client,
        ticks,
        said,
        waves,
        gaps,
        members: () => [...members].sort(),
        enter: (name) => tab.run(() => enter(name)),
        say: (n) => tab.run(() => lobby.publish('said', { from: tab.name, n })),
        openNotes: () => tab.run(openNotes),
      }
    })
    seats.push(seat)
    return seat
  }

  let emitted = 0
  return {
    browser,
    network,
    realtime,
    seats,
    users,
    refusedJoins,
    open,
    get emitted() {
      return emitted
    },
    /** Emits the next number to room 1. */
    async emit(pad?: string): Promise<void> {
      await realtime.channels.ticks({ room: '1' }).emit('tick', { n: ++emitted, ...(pad && { pad }) })
    },
    /** Lets time pass, in small steps at first: what waits for no timer needs turns of its own. */
    async pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; ) {
        const step = Math.min(passed < 1000 ? 20 : 500, ms - passed)
        await vi.advanceTimersByTimeAsync(step)
        passed += step
      }
    },
    get leader(): Tab | undefined {
      return browser.holderOf(/^triwire 1 \S+ \S+$/)
    },
    async close(): Promise<void> {
      for (const { client, tab } of seats) tab.run(() => client.close())
      await vi.advanceTimersByTimeAsync(60_000)
      await realtime.close()
      restoreGlobals()
    },
  }
}

export type Stage = ReturnType<typeof createStage>

/** The numbers up to n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1)
}
