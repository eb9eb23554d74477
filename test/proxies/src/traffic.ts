/** Clients on all wires that write and read without a pause, and what each of them has got. */
import { type Client, createClient, type WireName } from '@triwire/client'
import { WebSocket } from 'ws'
import type { api } from './nodes.ts'

const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']

/** Traffic under way. */
export interface Traffic {
  /** Resolves when every client has had so many answers to what it wrote. */
  answered(count: number): Promise<void>
  /** Stops writing; resolves with what each client has got, once it is all there. */
  finish(): Promise<readonly Received[]>
  close(): void
}

/** What one client has got: numbers by their writer, in the order they came. */
export interface Received {
  readonly wire: WireName
  readonly gaps: number
  readonly numbers: Readonly<Record<string, readonly number[]>>
}

/** Starts one client per wire; each writes the next number as soon as the one before was answered. */
export async function startTraffic(origin: string, id: string): Promise<Traffic> {
  let isOver = false
  const news = new Set<() => void>()
  const tell = (): void => {
    for (const look of [...news]) look()
  }
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return
        news.delete(look)
        resolve()
      }
      news.add(look)
      look()
    })
  const people = WIRES.map((wire) => {
    const client: Client<typeof api> = createClient({
      url: `${origin}/rt`,
      wires: [wire],
      webSocket: WebSocket as never,
      backoff: { baseMs: 10, capMs: 100 },
    })
    const person = { wire, client, gaps: 0, answered: 0, numbers: {} as Record<string, number[]>, isLive: false }
    const observer = client.channels.run({ id }).observe({
      on: {
        message: ({ by, n }) => {
          person.numbers[by] ??= []
          person.numbers[by].push(n)
          tell()
        },
        $gap: () => {
          person.gaps++
        },
      },
    })
    observer.subscribe(() => {
      person.isLive ||= observer.getSnapshot().status === 'live'
      tell()
    })
    return person
  })
  await until(() => people.every(({ isLive }) => isLive))
  const writing = people.map(async (person) => {
    const handle = person.client.channels.run({ id })
    while (!isOver) {
      await handle.publish('message', { by: person.wire, n: person.answered + 1 })
      person.answered++
      tell()
    }
  })
  return {
    answered: async (count) => {
      const targets = people.map(({ answered }) => answered + count)
      await until(() => people.every(({ answered }, index) => answered >= (targets[index] as number)))
    },
    finish: async () => {
      isOver = true
      await Promise.all(writing)
      const hasAll = (numbers: Readonly<Record<string, readonly number[]>>): boolean =>
        people.every(({ wire, answered }) => numbers[wire]?.at(-1) === answered)
      await until(() => people.every(({ numbers }) => hasAll(numbers)))
      return people.map(({ wire, gaps, numbers }) => ({ wire, gaps, numbers }))
    },
    close: () => {
      for (const { client } of people) client.close()
    },
  }
}

/** Whether these are 1, 2, 3 and so on. */
export function isWhole(numbers: readonly number[] | undefined): boolean {
  return numbers?.every((n, index) => n === index + 1) ?? false
}
