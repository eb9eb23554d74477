/** What Node knows of a request before its body is read. Most requests have no query, so one is taken apart only when asked for. */
import type { IncomingMessage } from 'node:http'
import type { HeaderFields, RequestHead } from '@triwire/server'

/** The head. */
export class NodeHead implements RequestHead {
  readonly method: string
  readonly path: string
  readonly search: string
  readonly headers: HeaderFields
  readonly remoteAddress: string | undefined

  /** @param path below the mount path, beginning with `/` */
  constructor(incoming: IncomingMessage, path: string) {
    const url = incoming.url ?? '/'
    const question = url.indexOf('?')
    this.method = incoming.method ?? 'GET'
    this.path = path
    // A question mark alone is no query (RFC 3986 §3.4 allows it to be empty).
    this.search = question === -1 || question === url.length - 1 ? '' : url.slice(question)
    this.headers = incoming.httpVersionMajor === 1 ? (incoming.headers as HeaderFields) : withHost(incoming)
    this.remoteAddress = incoming.socket.remoteAddress
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.search)
  }
}

/** HTTP/2 names the host in a pseudo-header (RFC 9113 §8.3.1), and the rest as anybody does. */
function withHost({ headers }: IncomingMessage): HeaderFields {
  const { ':authority': authority } = headers
  const fields: Record<string, string> = typeof authority === 'string' ? { host: authority } : {}
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || value === undefined) continue
    fields[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return fields
}
