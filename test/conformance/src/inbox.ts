/** What one client has received: lines in order, each to be expected once, and how its wire ended. */
import { match, type Names } from './pattern.ts'

/** One received line, with what is needed to judge it. */
export type Line = Readonly<Record<string, unknown>>

/** How a wire ended, or that it was refused: an HTTP status, or the close code of a WebSocket. */
export interface End {
  readonly status?: number
  readonly close?: number
}

/** The inbox. */
export class Inbox {
  readonly lines: Line[] = []
  /** Responses and closings that were no success, oldest first, until a step looks at them. */
  readonly ends: End[] = []
  readonly #consumed = new Set<Line>()
  #wake: () => void = () => {}

  push(line: Line): void {
    this.lines.push(line)
    this.#wake()
  }

  end(end: End): void {
    this.ends.push(end)
    this.#wake()
  }

  /**
   * Waits for lines that match, each at a later place than the one before unless any order will do.
   * @throws Error when they have not come in time
   */
  async take(
    patterns: readonly ((names: Names) => unknown)[],
    names: Names,
    options: { readonly anyOrder: boolean; readonly strict: boolean; readonly withinMs: number },
  ): Promise<Line[]> {
    const taken: Line[] = []
    let from = 0
    for (const makePattern of patterns) {
      // Filled one by one: a later pattern may use what an earlier one captured.
      const pattern = makePattern(names)
      const line = await this.#wait(
        () => this.#find(pattern, options.anyOrder ? 0 : from, names),
        options.withinMs,
        () => `a line like ${JSON.stringify(pattern)}`,
      )
      this.#consumed.add(line)
      taken.push(line)
      from = this.lines.indexOf(line) + 1
    }
    if (options.strict) this.#checkStrict(taken)
    return taken
  }

  /** Waits for the wire's end or a refusal, and forgets it. */
  takeEnd(withinMs: number): Promise<End> {
    return this.#wait(
      () => this.ends.shift(),
      withinMs,
      () => 'the end of the wire, or a refusal',
    )
  }

  /** A received line that matches, consumed or not. */
  search(pattern: unknown): Line | undefined {
    return this.lines.find((line) => match(pattern, line) !== undefined)
  }

  #find(pattern: unknown, from: number, names: Names): Line | undefined {
    for (const line of this.lines.slice(from)) {
      if (this.#consumed.has(line)) continue
      const captures = match(pattern, line)
      if (captures === undefined) continue
      Object.assign(names, captures)
      return line
    }
    return undefined
  }

  #checkStrict(taken: readonly Line[]): void {
    const indexes = taken.map((line) => this.lines.indexOf(line))
    const between = this.lines.slice(Math.min(...indexes), Math.max(...indexes) + 1)
    const stranger = between.find((line) => !taken.includes(line) && line.t !== 'hb' && line.t !== 'mark')
    if (stranger !== undefined) throw new Error(`Nothing may come in between, but there is ${show([stranger])}.`)
  }

  async #wait<TResult>(look: () => TResult | undefined, withinMs: number, what: () => string): Promise<TResult> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      const leftMs = deadline - Date.now()
      if (leftMs <= 0) {
        const open = this.lines.filter((line) => !this.#consumed.has(line))
        throw new Error(
          `Expected ${what()} within ${withinMs} ms; left are ${show(open)} ends ${JSON.stringify(this.ends)}.`,
        )
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

function show(lines: readonly Line[]): string {
  return lines.map((line) => JSON.stringify(line).slice(0, 300)).join(' | ') || 'no lines'
}
