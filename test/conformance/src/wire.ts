/**
 * The three wires and the plain stream, spoken as raw as a stranger's client would: `fetch`, the `ws` package and an
 * event-stream reader. Nothing of the Triwire client is used; what these do is all that PROTOCOL.md §6 asks for.
 */
import { SseParser } from '@triwire/protocol'
import { WebSocket } from 'ws'
import type { Inbox, Line } from './inbox.ts'

/** The wires by name, as cases name them. */
export const WIRES = ['websocket', 'sse', 'polling'] as const
export type WireName = (typeof WIRES)[number]

/** What a wire needs to know. */
export interface WireOptions {
  readonly base: string
  readonly inbox: Inbox
  readonly headers: Readonly<Record<string, string>>
  /** Whether marks are answered at once, as a client must; a case may want to do that itself. */
  readonly answersMarks: boolean
  /** The text of the `hello` line. */
  readonly hello: (extra?: Readonly<Record<string, unknown>>) => string
}

/** One open wire. */
export interface Wire {
  /** Sends texts of lines; on the HTTP wires it resolves with the answer, which is in the inbox then. */
  send(texts: readonly string[]): Promise<void>
  /** Lets the connection go without a farewell. */
  drop(): void
  /** WebSocket only: sends a binary frame. */
  sendBinary?(text: string): void
  /** WebSocket only: stops reading, so that the server's buffers fill. */
  pause?(): void
  resume?(): void
}

/** Opens a WebSocket. Resolves when it is open or has been refused. */
export async function openWebSocket(options: WireOptions, texts: readonly string[]): Promise<Wire> {
  const { base, inbox, headers, hello, answersMarks } = options
  const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/`, 'triwire.v1', { headers })
  let dropped = false
  socket.on('message', (data: Buffer) => {
    pushBatch(inbox, data.toString('utf8'), (line) => {
      if (line.t === 'mark' && answersMarks) socket.send(JSON.stringify({ t: 'seen', n: line.n }))
      return true
    })
  })
  socket.on('close', (close) => {
    if (!dropped) inbox.end({ close })
  })
  await new Promise<void>((resolve) => {
    socket.on('open', resolve)
    // Emitted after `close` for refusals and broken connections; what matters is in `close` already.
    socket.on('error', () => resolve())
    socket.on('unexpected-response', (_request, response) => {
      dropped = true
      inbox.end({ status: response.statusCode ?? 0 })
      socket.terminate()
      resolve()
    })
  })
  const opening = hello()
  if (socket.readyState === socket.OPEN && opening !== '') socket.send([opening, ...texts].join('\n'))
  return {
    send: (more) => new Promise((resolve) => socket.send(more.join('\n'), () => resolve())),
    drop: () => {
      dropped = true
      socket.terminate()
    },
    sendBinary: (text) => socket.send(Buffer.from(text)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  }
}

/** Opens `POST /stream`. Resolves when the response has begun. */
export async function openStream(options: WireOptions, texts: readonly string[]): Promise<Wire> {
  const { base, headers, hello } = options
  const body = [hello(), ...texts].join('\n')
  const drop = await readStream(options, `${base}/stream`, { method: 'POST', headers: plainText(headers), body })
  return { send: (more) => postSend(options, more), drop }
}

/** Opens `GET /sse?channel=…` as the browser's EventSource does. */
export async function openPlainStream(
  options: WireOptions,
  query: string,
  handleId: (id: string) => void,
): Promise<Wire> {
  const drop = await readStream(
    options,
    `${options.base}/sse?${query}`,
    { headers: { ...options.headers } },
    handleId,
  )
  return { send: (more) => postSend(options, more), drop }
}

/**
 * Polls again and again, each time from the cursors of what has come. Resolves when the first answer has begun.
 * @param nextTexts the lines of the next poll, made of what the inbox holds; where there are none, polling rests
 */
export async function openPolling(
  options: WireOptions,
  texts: readonly string[],
  nextTexts: () => readonly string[],
): Promise<Wire> {
  const abort = new AbortController()
  const { base, headers, inbox, hello } = options
  let begin: () => void = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const poll = async (lines: readonly string[], isFirst: boolean): Promise<boolean> => {
    const response = await fetch(`${base}/poll`, {
      method: 'POST',
      headers: plainText(headers),
      body: [hello(isFirst && lines.length === 0 ? { wait: 0 } : {}), ...lines].join('\n'),
      signal: abort.signal,
    })
    begin()
    const text = await response.text()
    if (abort.signal.aborted) return false
    pushBatch(inbox, text, (line) => isFirst || !isRepetition(line))
    if (response.status !== 200) inbox.end({ status: response.status })
    const ended = text.includes('{"t":"bye"')
    if (response.status === 200 && ended) inbox.end({ status: 200 })
    return response.status === 200 && !ended
  }
  const goOn = async (): Promise<void> => {
    try {
      if (!(await poll(texts, true))) return
      for (let lines = nextTexts(); lines.length > 0; lines = nextTexts()) {
        if (!(await poll(lines, false))) return
      }
    } catch (error) {
      // A dropped poll is no end; a connection that broke is one.
      if (!abort.signal.aborted) inbox.push({ t: 'broken', error: String(error) })
    } finally {
      begin()
    }
  }
  void goOn()
  await begun
  return { send: (more) => postSend(options, more), drop: () => abort.abort() }
}

/** What a poll says only to confirm what its client has said. */
function isRepetition(line: Line): boolean {
  return line.t === 'welcome' || (line.t === 'joined' && line.how === 'resumed')
}

async function postSend({ base, headers, hello, inbox }: WireOptions, texts: readonly string[]): Promise<void> {
  const response = await fetch(`${base}/send`, {
    method: 'POST',
    headers: plainText(headers),
    body: [hello(), ...texts].join('\n'),
  })
  pushBatch(inbox, await response.text(), (line) => line.t !== 'welcome')
  if (response.status !== 200) inbox.end({ status: response.status })
}

async function readStream(
  options: WireOptions,
  url: string,
  init: RequestInit,
  handleId: (id: string) => void = () => {},
): Promise<() => void> {
  const { inbox, answersMarks } = options
  const abort = new AbortController()
  const response = await fetch(url, { ...init, signal: abort.signal })
  if (response.status !== 200 || response.body === null) {
    pushBatch(inbox, await response.text())
    inbox.end({ status: response.status })
    return () => {}
  }
  const { body } = response
  void (async () => {
    const parser = new SseParser()
    try {
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        for (const event of parser.handleChunk(chunk)) {
          handleId(event.id)
          const line = JSON.parse(event.data) as Line
          const type = line.t === 'ev' ? 'message' : line.t
          if (event.type !== type) throw new Error(`A line ${event.data} came as an event of type ${event.type}.`)
          inbox.push(line)
          if (line.t === 'mark' && answersMarks) await postSend(options, [JSON.stringify({ t: 'seen', n: line.n })])
        }
      }
      inbox.end({ status: 200 })
    } catch (error) {
      if (!abort.signal.aborted) inbox.push({ t: 'broken', error: String(error) })
    }
  })()
  return () => abort.abort()
}

/** Puts the lines of a batch into an inbox. */
function pushBatch(inbox: Inbox, batch: string, isWanted: (line: Line) => boolean = () => true): void {
  for (const line of parseBatch(batch)) if (isWanted(line)) inbox.push(line)
}

/** Reads a batch as a client does: whatever is no line shows up as one of type `broken`. */
export function parseBatch(batch: string): Line[] {
  return batch
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => {
      try {
        return JSON.parse(text) as Line
      } catch {
        return { t: 'broken', text }
      }
    })
}

function plainText(headers: Readonly<Record<string, string>>): Record<string, string> {
  return { 'content-type': 'text/plain', ...headers }
}
