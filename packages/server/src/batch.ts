/**
 * The lines that wait for the end of a turn (turn.ts). A batch is never changed: a line behind it makes another one, and
 * the same line behind the same batch makes the same one. So connections that wait for the same lines hold one batch,
 * which becomes one text, and one buffer, for all of them. Where each has lines of its own, that ends, and nothing else.
 */
import { encodeBatch } from '@triwire/protocol'
import { Chunk } from './chunk.ts'
import { frameSse } from './sse-frame.ts'

/** How lines become text: joined by newlines, or as server-sent events, with or without cursors as event ids. */
export type Framing = 'batch' | 'sse' | 'sse-with-ids'

/** The batch. */
export class Batch {
  /** Characters of its lines. */
  readonly length: number
  readonly #line: string
  readonly #count: number
  /** All but the last line; undefined where that is nothing, so that what a turn began with is not held. */
  readonly #before: Batch | undefined
  /** What goes on from here, for whoever has the same lines: mostly one, so the first needs no map. */
  #next: Batch | undefined
  #others: Map<string, Batch> | undefined
  #chunk: Chunk | undefined
  #framing: Framing | undefined

  private constructor(before: Batch | undefined, line: string) {
    const isFirst = before === undefined || before.#count === 0
    this.#line = line
    this.#before = isFirst ? undefined : before
    this.#count = before === undefined ? 0 : before.#count + 1
    this.length = (before?.length ?? 0) + line.length
  }

  /** One without lines. */
  static empty(): Batch {
    return new Batch(undefined, '')
  }

  /** This and a line that nobody else gets. */
  withOwn(line: string): Batch {
    return new Batch(this, line)
  }

  /** This and a line that others get as well. */
  withShared(line: string): Batch {
    const first = this.#next
    if (first === undefined) {
      this.#next = new Batch(this, line)
      return this.#next
    }
    if (first.#line === line) return first
    this.#others ??= new Map()
    const known = this.#others.get(line)
    if (known !== undefined) return known
    const next = new Batch(this, line)
    this.#others.set(line, next)
    return next
  }

  /** Its lines as text. */
  framed(framing: Framing): Chunk {
    if (this.#chunk === undefined || this.#framing !== framing) {
      this.#chunk = new Chunk(frame(this.#lines(), framing))
      this.#framing = framing
    }
    return this.#chunk
  }

  #lines(): string[] {
    const lines = new Array<string>(this.#count)
    let index = this.#count
    for (let batch: Batch | undefined = this; index > 0 && batch; batch = batch.#before)
      lines[--index] = batch.#line
    return lines
  }
}

/** Frames lines. */
export function frame(lines: readonly string[], framing: Framing): string {
  if (framing === 'batch') return encodeBatch(lines)
  let text = ''
  for (const line of lines) text += frameSse(line, framing === 'sse-with-ids')
  return text
}
