/**
 * The process that is killed: appends, refuses and settles as fast as it can, and prints every answer as one line. What it
 * has to begin with comes as JSON in its argument.
 */
import type { AppendOutcome } from '@triwire/server'
import { type Durability, sqlite } from '../../src/index.ts'
import { HISTORY, isRefused, WINDOW } from './workload.ts'

interface Task {
  readonly path: string
  readonly durability: Durability
  readonly round: number
  /** By channel and producer: the lowest sequence without an answer. */
  readonly lowest: Readonly<Record<string, Readonly<Record<string, number>>>>
}

const { path, durability, round, lowest } = JSON.parse(process.argv[2] ?? '') as Task
const broker = sqlite({ path, durability })

function say(...words: readonly (string | number)[]): void {
  // Pipes are written synchronously, so whatever was said has left this process.
  process.stdout.write(`${words.join(' ')}\n`)
}

function cursorText(outcome: AppendOutcome): string {
  const cursor = 'cursor' in outcome ? outcome.cursor : undefined
  return cursor ? `${cursor.epoch}:${cursor.offset}:${cursor.tag}` : '-'
}

/** Keeps a few sequences on their way, as a client does, and repeats nothing: after a kill it begins at the lowest. */
async function produce(channel: string, producer: string, first: number): Promise<never> {
  const unanswered: Promise<void>[] = []
  for (let sequence = first; ; sequence++) {
    const identity = { id: producer, sequence, lowest: Math.max(first, sequence - WINDOW) }
    const answer = isRefused(sequence)
      ? broker.refuse(channel, identity, 'forbidden')
      : broker.append(channel, {
          event: 'said',
          data: JSON.stringify({ producer, sequence }),
          history: HISTORY,
          producer: identity,
        })
    unanswered.push(
      answer.then((outcome) => say('answer', channel, producer, sequence, outcome.status, cursorText(outcome))),
    )
    if (unanswered.length >= WINDOW) await unanswered.shift()
  }
}

async function settle(channel: string): Promise<never> {
  for (let count = 0; ; count++) {
    const id = `round-${round}-${count}`
    const claim = await broker.claim(channel, id, 60_000)
    if (claim.status !== 'claimed') throw new Error(`${id} is ${claim.status} already.`)
    const reply = { ok: true, data: JSON.stringify(id) } as const
    if (await broker.settle(channel, id, claim.fence, reply, 3_600_000)) say('settled', channel, id)
  }
}

const work = Object.entries(lowest).flatMap(([channel, producers]) => [
  settle(channel),
  ...Object.entries(producers).map(([producer, first]) => produce(channel, producer, first)),
])
// A promise keeps no process alive.
setInterval(() => {}, 1000)
await Promise.all(work)
