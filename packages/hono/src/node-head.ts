/** What Node knows of a request before its body is read. */
import type { IncomingMessage } from 'node:http'
import type { RequestHead } from '@triwire/server'

/** @param path below the mount path, beginning with `/` */
export function headOf(incoming: IncomingMessage, path: string): RequestHead {
  const url = incoming.url ?? '/'
  const question = url.indexOf('?')
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (name.startsWith(':') || value === undefined) continue
    headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  // HTTP/2 names the host in a pseudo-header.
  const authority = incoming.headers[':authority']
  if (typeof authority === 'string' && !headers.has('host')) headers.set('host', authority)
  return {
    method: incoming.method ?? 'GET',
    path,
    query: new URLSearchParams(question === -1 ? '' : url.slice(question + 1)),
    headers,
    remoteAddress: incoming.socket.remoteAddress,
  }
}
