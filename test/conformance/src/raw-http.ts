/** One HTTP request exactly as a case writes it: any method, any path, any header, any chunking. */
import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http'
import { request as requestSecurely } from 'node:https'

/** The request. */
export interface RawRequest {
  readonly method: string
  /** Below the base, sent as it is. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: string | Buffer | undefined
  /** Bytes per chunk of the body; undefined writes it at once, with Content-Length. */
  readonly chunkBytes: number | undefined
}

/** The answer. */
export interface RawResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A request under way. */
export interface Exchange {
  /** Resolves when the response has begun. */
  readonly begun: Promise<unknown>
  /** Resolves with the whole response. */
  readonly response: Promise<RawResponse>
  readonly abort: () => void
}

/** Sends a request. */
export function sendRaw(base: string, { method, path, headers, body, chunkBytes }: RawRequest): Exchange {
  const url = new URL(base)
  const length = body === undefined || chunkBytes !== undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const outgoing = (url.protocol === 'https:' ? requestSecurely : request)({
    hostname: url.hostname,
    port: url.port,
    path: url.pathname.replace(/\/$/, '') + path,
    method,
    headers: { 'content-type': 'text/plain', ...length, ...headers },
    agent: false,
  })
  let begin: (value: unknown) => void = () => {}
  const begun = new Promise((resolve) => {
    begin = resolve
  })
  const response = new Promise<RawResponse>((resolve, reject) => {
    outgoing.on('response', (incoming) => {
      begin(undefined)
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const { statusCode: status = 0, headers: answered } = incoming
        resolve({ status, headers: answered, body: Buffer.concat(chunks).toString('utf8') })
      })
    })
    outgoing.on('upgrade', (incoming, socket) => {
      socket.destroy()
      begin(undefined)
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: '' })
    })
    outgoing.on('error', (error) => {
      begin(undefined)
      reject(error)
    })
  })
  // An aborted request rejects with nobody listening.
  response.catch(() => {})
  if (body === undefined) outgoing.end()
  else if (chunkBytes === undefined) outgoing.end(body)
  else writeChunks(outgoing, typeof body === 'string' ? Buffer.from(body) : body, chunkBytes)
  return { begun, response, abort: () => outgoing.destroy() }
}

/** Each chunk in a turn of its own, so that it also arrives alone. */
function writeChunks(outgoing: ClientRequest, bytes: Buffer, chunkBytes: number): void {
  let at = 0
  const next = (): void => {
    if (outgoing.destroyed) return
    if (at >= bytes.length) {
      outgoing.end()
      return
    }
    outgoing.write(bytes.subarray(at, at + chunkBytes))
    at += chunkBytes
    setImmediate(next)
  }
  outgoing.setNoDelay(true)
  next()
}
