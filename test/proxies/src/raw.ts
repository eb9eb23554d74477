/** Requests of a test's own, to see what a proxy does with each piece of an answer. */
import { type IncomingMessage, request } from 'node:http'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { request as requestSecurely } from 'node:https'
import type { Readable } from 'node:stream'

/** A response that has begun. */
export interface Answer {
  readonly status: number
  readonly body: Lines
  abort(): void
}

/** The lines of a body, as they come. */
export class Lines {
  readonly #source: AsyncIterator<string>
  #text = ''

  constructor(source: Readable) {
    source.setEncoding('utf8')
    this.#source = source[Symbol.asyncIterator]() as AsyncIterator<string>
  }

  /** Waits until `text` has come, and forgets what was before it. @throws Error where the body ends instead */
  async until(text: string): Promise<void> {
    for (;;) {
      const index = this.#text.indexOf(text)
      if (index !== -1) {
        this.#text = this.#text.slice(index + text.length)
        return
      }
      const { done, value } = await this.#source.next()
      if (done) throw new Error(`The body ended without ${text}: ${this.#text.slice(0, 500)}`)
      this.#text += value
    }
  }

  /** Waits for the end; what is left. */
  async rest(): Promise<string> {
    for (;;) {
      const { done, value } = await this.#source.next()
      if (done) return this.#text
      this.#text += value
    }
  }
}

/** `hello`, and the lines behind it. */
export function opening(...lines: readonly object[]): string {
  const hello = { t: 'hello', v: 1, s: 'AAAAAAAAAAAAAAAAAAAAAA' }
  return [hello, ...lines].map((line) => JSON.stringify(line)).join('\n')
}

/** Posts over HTTP/1.1; resolves when the answer has begun. */
export function post(origin: string, path: string, body: string, headers: Record<string, string> = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = (origin.startsWith('https:') ? requestSecurely : request)(`${origin}/rt${path}`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body), ...headers },
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response: IncomingMessage) => {
      response.on('error', () => {})
      resolve({
        status: response.statusCode ?? 0,
        body: new Lines(response),
        abort: () => outgoing.destroy(),
      })
    })
    outgoing.end(body)
  })
}

/** A connection that speaks HTTP/2. @throws Error where the proxy does not */
export async function connectHttp2(origin: string): Promise<ClientHttp2Session> {
  const session = connect(origin)
  session.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    session.once('remoteSettings', () => resolve())
    session.once('close', () => reject(new Error('There is no HTTP/2.')))
  })
  return session
}

/** The same over HTTP/2. */
export function postHttp2(
  session: ClientHttp2Session,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/rt${path}`,
    'content-type': 'text/plain',
    ...headers,
  })
  const answer = begin(stream)
  stream.end(body)
  return answer
}

/** Asks for a WebSocket within HTTP/2 (RFC 8441), and writes a text frame. */
export async function openSocketHttp2(session: ClientHttp2Session, text: string): Promise<Answer> {
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/rt/',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'triwire.v1',
  })
  const answer = await begin(stream)
  const payload = Buffer.from(text)
  if (payload.length > 125) throw new RangeError('This is for short frames.')
  // RFC 6455 §5.2: FIN and text; masked, with a mask that changes nothing.
  stream.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]))
  return answer
}

function begin(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('response', (headers) =>
      resolve({ status: Number(headers[':status']), body: new Lines(stream), abort: () => stream.destroy() }),
    )
  })
}
