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
  /** What the next chunk may begin with and means nothing: a BOM at the very start, LF behind a CR. */
  #skipped = '\ufeff'
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
    if (chunk === '') return []
    const lines = (this.#rest + chunk.slice(chunk[0] === this.#skipped ? 1 : 0)).split(LINE_BREAKS)
    this.#skipped = chunk.endsWith('\r') ? '\n' : ''
    this.#rest = lines.pop() ?? ''
    const events: SseEvent[] = []
    for (const line of lines) {
      if (line !== '') this.#handleField(line)
      else {
        if (this.#data !== undefined) events.push({ type: this.#type || 'message', data: this.#data, id: this.#id })
        this.#data = undefined
        this.#type = ''
      }
    }
    if (this.#rest.length + (this.#data?.length ?? 0) > this.#maxBuffered)
      throw new RangeError(`An event is over ${this.#maxBuffered} characters.`)
    return events
  }

  /** A field is a name and a value; a comment has no name, and so is none. */
  #handleField(line: string): void {
    const [, name, value = ''] = /^([^:]*):? ?(.*)/s.exec(line) ?? []
    if (name === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
    if (name === 'event') this.#type = value
    if (name === 'id' && !value.includes('\0')) this.#id = value
  }
}

function field(name: string, value: string): string {
  if (/[\r\n\0]/.test(value)) throw new RangeError(`An event-stream ${name} must not hold CR, LF or NUL.`)
  return value
}
