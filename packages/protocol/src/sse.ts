/**
 * Event-stream framing (HTML standard §9.2): the writer the servers share, and an incremental reader for clients
 * that read the stream through `fetch`. The browser's own `EventSource` reads the same bytes.
 */

/** One dispatched event. */
export interface SseEvent {
  /** The event's type; `message` when the stream names none. */
  readonly type: string
  readonly data: string
  /** The last event id in force when this event was dispatched. */
  readonly id: string
}

const LINE_BREAKS = /\r\n|\r|\n/

/**
 * Frames one event. A line break inside `data` becomes another `data:` field, as the standard asks; a receiver
 * joins them with `\n`.
 * @throws RangeError where `id` or `type` holds CR, LF or NUL: they would end the field and forge another
 */
export function formatSseEvent(data: string, options: { id?: string; type?: string } = {}): string {
  let frame = ''
  if (options.type !== undefined) frame += `event: ${field('type', options.type)}\n`
  if (options.id !== undefined) frame += `id: ${field('id', options.id)}\n`
  if (data.includes('\n') || data.includes('\r')) {
    for (const line of data.split(LINE_BREAKS)) frame += `data: ${line}\n`
  } else {
    frame += `data: ${data}\n`
  }
  return `${frame}\n`
}

/** A comment of `bytes` bytes, which receivers ignore: it fills the buffers of proxies that hold small responses. */
export function formatSsePadding(bytes: number): string {
  return `:${' '.repeat(Math.max(0, bytes - 3))}\n\n`
}

/** Reads an event stream chunk by chunk. A chunk may end anywhere, between CR and LF included. */
export class SseParser {
  #rest = ''
  #data: string | undefined
  #type = ''
  #id = ''
  #atStart = true
  #skipLineFeed = false
  readonly #maxBuffered: number

  /** @param maxBuffered characters one event may take before it is given up; default 2 Mi */
  constructor(maxBuffered: number = 2 * 1024 * 1024) {
    this.#maxBuffered = maxBuffered
  }

  /**
   * Takes the next chunk of decoded text; returns the events it completed.
   * @throws RangeError where one event exceeds the bound: the stream cannot be trusted any further
   */
  handleChunk(chunk: string): SseEvent[] {
    const events: SseEvent[] = []
    let text = chunk
    if (this.#atStart && text !== '') {
      this.#atStart = false
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
    }
    if (this.#skipLineFeed && text !== '') {
      this.#skipLineFeed = false
      if (text[0] === '\n') text = text.slice(1)
    }
    text = this.#rest + text
    let from = 0
    const breaks = /[\r\n]/g
    for (;;) {
      breaks.lastIndex = from
      const end = breaks.exec(text)?.index
      if (end === undefined) break
      this.#handleLine(text.slice(from, end), events)
      from = end + 1
      if (text[end] === '\r') {
        if (from === text.length) this.#skipLineFeed = true
        else if (text[from] === '\n') from++
      }
    }
    this.#rest = text.slice(from)
    if (this.#rest.length + (this.#data?.length ?? 0) > this.#maxBuffered) {
      throw new RangeError(`An event of the stream is longer than ${this.#maxBuffered} characters.`)
    }
    return events
  }

  #handleLine(line: string, events: SseEvent[]): void {
    if (line === '') {
      if (this.#data !== undefined) events.push({ type: this.#type || 'message', data: this.#data, id: this.#id })
      this.#data = undefined
      this.#type = ''
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon === -1 ? line : line.slice(0, colon)
    let value = colon === -1 ? '' : line.slice(colon + 1)
    if (value[0] === ' ') value = value.slice(1)
    if (name === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
    else if (name === 'event') this.#type = value
    else if (name === 'id' && !value.includes('\0')) this.#id = value
  }
}

function field(name: string, value: string): string {
  if (/[\r\n\0]/.test(value)) throw new RangeError(`An event-stream ${name} must not hold CR, LF or NUL.`)
  return value
}
