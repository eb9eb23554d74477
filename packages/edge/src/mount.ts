/**
 * What the hosts of this package have in common before a request reaches the engine: the path below the mount, what lies
 * beside it, and what is known of a request. A host adds how it makes sockets, and nothing else.
 */
import { fieldsOf, type RequestHead, TriwireError } from '@triwire/server'

/** Where Triwire lives among the other things a process serves. */
export interface MountOptions<TRest extends readonly unknown[] = readonly []> {
  /** The path it is mounted at, such as `/rt`; clients are given the same one. Default `/`, everything. */
  readonly base?: string
  /** Answers what is not below `base`, with the same arguments. Default: 404. */
  readonly otherwise?: (request: Request, ...rest: TRest) => Response | Promise<Response>
}

/**
 * Makes a handler of what answers below the base.
 * @throws TriwireError `bad_base` where `base` is no path
 */
export function mount<TRest extends readonly unknown[], TAnswer>(
  { base = '/', otherwise = notFound }: MountOptions<TRest>,
  answer: (path: string, request: Request, ...rest: TRest) => Promise<TAnswer>,
): (request: Request, ...rest: TRest) => Promise<TAnswer | Response> {
  const pathBelow = below(base)
  return async (request, ...rest) => {
    const path = pathBelow(new URL(request.url).pathname)
    return path === undefined ? await otherwise(request, ...rest) : await answer(path, request, ...rest)
  }
}

/** What a host knows of a request, in a form that outlives it: Deno forgets the headers of one that became a socket. */
export function headOf(request: Request, path: string, remoteAddress: string | undefined): RequestHead {
  const { method, headers, url } = request
  const { search, searchParams } = new URL(url)
  return { method, path, search, query: searchParams, headers: fieldsOf(headers), remoteAddress }
}

/** Whether a request asks for a WebSocket. */
export function isUpgrade(request: Request): boolean {
  return request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}

/** Finds the path below a base; undefined for what is beside it. */
function below(base: string): (pathname: string) => string | undefined {
  if (!/^\/[^?#]*$/.test(base))
    throw new TriwireError('bad_base', `\`base\` is a path that begins with a slash, as in "/rt", not "${base}".`)
  const prefix = base.replace(/\/+$/, '')
  return (pathname) => {
    if (pathname === prefix) return '/'
    return pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : undefined
  }
}

function notFound(): Response {
  return new Response(null, { status: 404 })
}
