// The offline checker: reads the histories of all processes and counts. It shares no code with the product, and knows
// nothing of wires or faults; only what was sent, what was acknowledged, and what reached whom in which order. A place in
// the log is a text to it, the same or not.
//
// - lost: acknowledged, and never reached a reader who was not told of a gap at that place
// - told: the same, behind an explicit gap
// - forgotten: acknowledged, gone from the log itself, and never reached a reader who thus cannot know: what it read has
//   no hole. Only where the log was read at the end, by a reader called `store`
// - duplicated: reached a reader more than once (per life of the reader)
// - again: the same, but it was told of a gap in between: the log had lost it, and it was sent again. Only where the log
//   was read at the end, too
// - reordered: reached a reader behind a higher number of the same sender, or in another order than other readers
// - unanswered: sent, with neither an acknowledgement nor a failure; whether it arrives is open

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HistoryLine } from './history.ts'

/** What became of the messages of one channel at one reader. */
export interface Verdict {
  readonly channel: string
  readonly reader: string
  readonly sent: number
  readonly acked: number
  readonly unanswered: number
  readonly failed: number
  readonly delivered: number
  readonly lost: number
  readonly told: number
  readonly forgotten: number
  readonly duplicated: number
  readonly again: number
  readonly reordered: number
  readonly gaps: readonly string[]
  /** Messages nobody has sent. */
  readonly strange: number
}

/** Reads every history in a folder. */
export function readHistories(folder: string): HistoryLine[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) =>
      readFileSync(join(folder, name), 'utf8')
        .split('\n')
        // A process that was killed may have left half a line.
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as HistoryLine),
    )
}

/** The reader that is the log itself, as it was at the end. */
export const STORE = 'store'

interface Item {
  readonly id: string
  readonly s: string
  readonly n: number
  readonly at: string | undefined
  readonly life: number
}

interface Reader {
  readonly channel: string
  readonly name: string
  /** What came, in its order: a message, or a gap. */
  readonly items: (Item | 'gap')[]
  readonly gaps: string[]
}

interface Sends {
  readonly sent: Set<string>
  readonly acked: Set<string>
  readonly failed: Set<string>
}

/** Judges histories; one verdict per channel and reader. */
export function check(lines: readonly HistoryLine[]): Verdict[] {
  const channels = new Map<string, Sends>()
  const readers = new Map<string, Reader>()
  const sendsOf = (channel: string): Sends => {
    const known = channels.get(channel) ?? { sent: new Set(), acked: new Set(), failed: new Set() }
    channels.set(channel, known)
    return known
  }
  const readerOf = (channel: string, name: string): Reader => {
    const key = `${channel} ${name}`
    const known = readers.get(key) ?? { channel, name, items: [], gaps: [] }
    readers.set(key, known)
    return known
  }
  for (const line of lines) {
    if (line.k === 'reads') readerOf(line.c, line.r)
    else if (line.k === 'got') {
      const { s, n, at, life = 0 } = line
      readerOf(line.c, line.r).items.push({ id: idOf(s, n), s, n, at, life })
    } else if (line.k === 'gap') {
      const reader = readerOf(line.c, line.r)
      reader.items.push('gap')
      reader.gaps.push(line.reason)
    } else sendsOf(line.c)[line.k].add(idOf(line.s, line.n))
  }
  const all = [...readers.values()]
  return all.map((reader) => judge(reader, sendsOf(reader.channel), all))
}

function judge(reader: Reader, { sent, acked, failed }: Sends, readers: readonly Reader[]): Verdict {
  const store = readers.find(({ channel, name }) => channel === reader.channel && name === STORE)
  /** Where each was seen last: behind a gap, the log may have another order than before. */
  const places = new Map<string, number>()
  const seen = new Map<string, number>()
  const highest = new Map<string, number>()
  let gapAt = -1
  let duplicated = 0
  let again = 0
  let reordered = 0
  let strange = 0
  for (const [place, item] of reader.items.entries()) {
    if (item === 'gap') {
      if (store === undefined) continue
      gapAt = place
      highest.clear()
      continue
    }
    const inLife = `${item.life} ${item.id}`
    const before = seen.get(inLife)
    if (before !== undefined && before > gapAt) duplicated++
    else {
      if (before !== undefined) again++
      const sender = `${item.life} ${item.s}`
      if (item.n < (highest.get(sender) ?? 0)) reordered++
      highest.set(sender, Math.max(item.n, highest.get(sender) ?? 0))
    }
    seen.set(inLife, place)
    if (!sent.has(item.id)) strange++
    if (before === undefined || before < gapAt) places.set(item.id, place)
  }
  const missing = [...acked].filter((id) => !places.has(id))
  const untold = missing.filter((id) => !isBehindGap(reader, id))
  const kept = store && new Set(store.items.flatMap((item) => (item === 'gap' ? [] : [item.id])))
  const lost = kept === undefined ? untold.length : untold.filter((id) => kept.has(id)).length
  return {
    channel: reader.channel,
    reader: reader.name,
    sent: sent.size,
    acked: acked.size,
    unanswered: [...sent].filter((id) => !acked.has(id) && !failed.has(id)).length,
    failed: failed.size,
    delivered: places.size,
    lost,
    told: missing.length - untold.length,
    forgotten: untold.length - lost,
    duplicated,
    again,
    reordered: reordered + disagreements(reader, readers),
    gaps: reader.gaps,
    strange,
  }
}

/** Whether a gap lies between the messages of the same sender that came around the missing one. */
function isBehindGap({ items }: Reader, id: string): boolean {
  const [sender, number] = [id.slice(0, id.lastIndexOf(' ')), Number(id.slice(id.lastIndexOf(' ') + 1))]
  let before = -1
  let after = items.length
  for (const [place, item] of items.entries()) {
    if (item === 'gap' || item.s !== sender) continue
    if (item.n < number) before = place
    else if (place < after) after = place
  }
  return items.slice(before + 1, after).includes('gap')
}

/**
 * Neighbours that the first reader of the channel had the other way round: there is one order for all. A log that has lost
 * something may have had the same messages twice, in another order; one reader may know the one, and another the other. So
 * where a gap was told, the places have to be the same.
 */
function disagreements(reader: Reader, readers: readonly Reader[]): number {
  const first = readers.find(({ channel }) => channel === reader.channel)
  if (first === undefined || first === reader) return 0
  const withPlace = first.gaps.length + reader.gaps.length > 0
  const ours = firstTimes(reader, withPlace)
  let count = 0
  let before: { readonly s: string; readonly index: number } | undefined
  for (const [entry, { s }] of firstTimes(first, withPlace)) {
    const index = ours.get(entry)?.index
    if (index === undefined) continue
    // Of one sender the numbers speak already.
    if (before !== undefined && before.s !== s && index < before.index) count++
    before = { s, index }
  }
  return count
}

/** When each entry of the log came first to a reader, in that order; `withPlace`: the same message elsewhere is another. */
function firstTimes(
  { items }: Reader,
  withPlace: boolean,
): Map<string, { readonly s: string; readonly index: number }> {
  const times = new Map<string, { readonly s: string; readonly index: number }>()
  for (const [index, item] of items.entries()) {
    if (item === 'gap') continue
    const entry = withPlace ? `${item.id} ${item.at}` : item.id
    if (!times.has(entry)) times.set(entry, { s: item.s, index })
  }
  return times
}

function idOf(sender: string, number: number): string {
  return `${sender} ${number}`
}
