/**
 * The HTTP face: which endpoint, may this page, who is it, and then an attachment like any other.
 *
 * | request            | body in        | body out                                             |
 * |--------------------|----------------|------------------------------------------------------|
 * | `POST /stream`     | hello + joins  | `text/event-stream`, one event per line              |
 * | `POST /poll`       | hello + joins  | the first batch, or what there is after the hold     |
 * | `POST /send`       | hello + lines  | the answers                                          |
 * | `GET /sse`         |                | one channel for `EventSource` and `curl -N`          |
 * | `GET /log/<path>`  |                | one channel as a plain long poll; `public-log.ts`, where it is public |
 * | `GET /` + Upgrade  |                | WebSocket (host's business after `upgradeStatus`)     |
 */
import {
  decodeUpstream,
  formatSsePadding,
  type JoinLine,
  splitBatch,
  statusFor,
  TriwireError,
  type UpstreamLine,
  WEBSOCKET_SUBPROTOCOL,
} from '@triwire/protocol'
import { Attachment, type AttachmentKind, checkHello } from './attachment.ts'
import { Chunk } from './chunk.ts'
import type { HeaderFields } from './header-fields.ts'
import type { Hub } from './hub.ts'
import type { Identity } from './identity.ts'
import { checkOrigin } from './origin.ts'
import { handlePublicLog, PUBLIC_HEADERS, publicLogOf } from './public-log.ts'
import { asTriwireError, codeOf, encodeError } from './refusal.ts'
import type { Exchange, RequestHead, Sink } from './sink.ts'

/** Never stored, never transformed, never sniffed, never held back by a proxy. */
const PRIVATE_HEADERS = {
  'cache-control': 'no-store, no-transform',
  'x-content-type-options': 'nosniff',
  'x-accel-buffering': 'no',
}

/** Fills the first buffer of proxies that wait for one: several are known to hold 2 KB. */
const PADDING = new Chunk(formatSsePadding(2048))

const POST_ENDPOINTS: Readonly<Record<string, AttachmentKind>> = {
  '/stream': 'stream',
  '/poll': 'poll',
  '/send': 'send',
}

/** Query parameters that people put tokens into. URLs end up in logs and histories; tokens must not. */
const TOKEN_PARAMETERS = ['token', 'access_token', 'auth', 'authorization', 'api_key', 'jwt']

/** Answers one request. Never rejects. */
export async function handleExchange(hub: Hub, exchange: Exchange): Promise<void> {
  let cors: Readonly<Record<string, string>> = {}
  try {
    const { path, method } = exchange
    const publicLog = publicLogOf(hub, path)
    // Whoever asks for that is not looked at, wherever they come from.
    cors = publicLog === undefined ? checkOrigin(exchange, hub.origins) : PUBLIC_HEADERS
    checkUrl(exchange)
    if (publicLog !== undefined) {
      requireMethod(method, 'GET')
      await handlePublicLog(hub, exchange, publicLog)
      return
    }
    const kind = Object.hasOwn(POST_ENDPOINTS, path) ? POST_ENDPOINTS[path] : undefined
    if (kind !== undefined) {
      requireMethod(method, 'POST')
      await handlePost(hub, exchange, kind, cors)
    } else if (path === '/sse') {
      requireMethod(method, 'GET')
      await handlePlain(
        hub,
        exchange,
        'stream',
        hub.app.resolvePath(exchange.query.get('channel') ?? '').address,
        cors,
      )
    } else if (path.startsWith('/log/')) {
      requireMethod(method, 'GET')
      await handlePlain(hub, exchange, 'poll', hub.app.resolvePath(path.slice('/log/'.length)).address, cors)
    } else if (path === '/' || path === '') {
      requireMethod(method, 'GET')
      throw new TriwireError('not_found', 'This is a WebSocket endpoint. For plain HTTP use /sse or /log.')
    } else {
      throw new TriwireError(
        'not_found',
        'There is nothing here. The endpoints are /stream, /poll, /send, /sse and /log.',
      )
    }
  } catch (error) {
    respondError(hub, exchange, error, cors)
  }
}

/** The status to answer a WebSocket upgrade with: 101 where it may be made, otherwise what refuses it. */
export function upgradeStatus(hub: Hub, head: RequestHead): number {
  try {
    checkOrigin(head, hub.origins)
    checkUrl(head)
    if (head.path !== '/') throw new TriwireError('not_found', 'WebSocket connects at the mount path itself.')
    if (hub.leaving) throw new TriwireError('draining', 'This server is going away.')
    const offered = (head.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    if (!offered.includes(WEBSOCKET_SUBPROTOCOL)) {
      throw new TriwireError('bad_version', `Offer the subprotocol ${WEBSOCKET_SUBPROTOCOL}.`)
    }
    return 101
  } catch (error) {
    return statusFor(codeOf(asTriwireError(error)))
  }
}

async function handlePost(
  hub: Hub,
  exchange: Exchange,
  kind: AttachmentKind,
  cors: Readonly<Record<string, string>>,
): Promise<void> {
  checkEncoding(exchange.headers)
  const text = await exchange.readText(hub.limits.body, hub.limits.authMs)
  const [first, ...rest] = splitBatch(text, hub.limits).map(decodeUpstream)
  if (first?.t !== 'hello') throw new TriwireError('hello_expected', 'The first line of a body is hello.')
  checkHello(first)
  const identity = await hub.authenticate(first.k, exchange.headers)
  await hub.door.enter(identity.principal, kind, rest.length)
  const attachment = await attach(hub, exchange, kind, identity, first.s)
  attachment.welcome()
  if (kind === 'send') await send(attachment, exchange, rest, cors)
  else {
    // Begun before the response is opened, so that a poll knows what it waits for.
    const handled = attachment.handleLines(rest, true)
    openAttachment(hub, exchange, attachment, cors, first.wait)
    await handled
  }
}

async function send(
  attachment: Attachment,
  exchange: Exchange,
  lines: readonly UpstreamLine[],
  cors: Readonly<Record<string, string>>,
): Promise<void> {
  const sink = exchange.open(
    200,
    { ...PRIVATE_HEADERS, ...cors, 'content-type': 'text/plain; charset=utf-8' },
    attachment,
  )
  attachment.open(sink)
  await attachment.handleLines(lines, false)
  attachment.finish()
}

/** One channel, no body, no session to speak of: what is missing is made up here, the rest is the common path. */
async function handlePlain(
  hub: Hub,
  exchange: Exchange,
  kind: 'stream' | 'poll',
  address: string,
  cors: Readonly<Record<string, string>>,
): Promise<void> {
  const { query, headers } = exchange
  const after = headers['last-event-id'] ?? query.get('after') ?? undefined
  const tail = query.get('tail')
  const wait = query.get('wait')
  const waitMs = wait === null ? 0 : wholeNumber('wait', wait, 3600) * 1000
  const session = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))).slice(0, 22)
  const join: JoinLine = {
    t: 'join',
    ch: address,
    j: 1,
    ...(after === undefined ? {} : { after }),
    ...(tail === null ? {} : { tail: wholeNumber('tail', tail, 1_000_000) }),
    ...(query.has('snapshot') ? { snap: true } : {}),
  }
  const identity = await hub.authenticate(undefined, headers)
  await hub.door.enter(identity.principal, kind, 0)
  const attachment = await attach(
    hub,
    exchange,
    kind,
    identity,
    session.replaceAll('+', '-').replaceAll('/', '_'),
    true,
  )
  attachment.welcome()
  try {
    // Before the response is begun, so that a refusal is a status and not a line.
    await attachment.join(join)
  } catch (error) {
    attachment.handleClosed()
    throw error
  }
  if (attachment.ended) throw new TriwireError('draining', 'This server is going away.', { retryMs: 1000 })
  openAttachment(hub, exchange, attachment, cors, waitMs)
}

async function attach(
  hub: Hub,
  exchange: Exchange,
  kind: AttachmentKind,
  identity: Identity,
  session: string,
  plain = false,
): Promise<Attachment> {
  const member = await hub.memberOf(identity.principal, session)
  const { remoteAddress } = exchange
  const attachment = new Attachment(hub, { kind, speaker: { identity, member }, remoteAddress, plain })
  if (kind === 'send') hub.checkCurrent(identity)
  else hub.admit(attachment)
  return attachment
}

function openAttachment(
  hub: Hub,
  exchange: Exchange,
  attachment: Attachment,
  cors: Readonly<Record<string, string>>,
  waitMs = hub.limits.pollHoldMs,
): void {
  const isStream = attachment.kind === 'stream'
  const type = isStream ? 'text/event-stream; charset=utf-8' : 'text/plain; charset=utf-8'
  const sink: Sink = exchange.open(200, { ...PRIVATE_HEADERS, ...cors, 'content-type': type }, attachment)
  if (isStream) sink.write(PADDING)
  attachment.open(sink, Math.min(waitMs, hub.limits.pollHoldMs))
}

function respondError(hub: Hub, exchange: Exchange, error: unknown, cors: Readonly<Record<string, string>>): void {
  if (!(error instanceof TriwireError)) hub.logger.error({ err: error }, 'a request failed')
  const refusal = asTriwireError(error)
  const code = codeOf(refusal)
  const { retryMs } = refusal
  const body = encodeError(refusal)
  const headers: Record<string, string> = {
    ...PRIVATE_HEADERS,
    ...cors,
    'content-type': 'text/plain; charset=utf-8',
    ...(code === 'method_not_allowed'
      ? { allow: Object.hasOwn(POST_ENDPOINTS, exchange.path) ? 'POST' : 'GET' }
      : {}),
  }
  // Whoever keeps this connection would be back here.
  if (code === 'draining') headers.connection = 'close'
  // RFC 9110 §15.5.2 asks for it; no browser shows a dialog for this scheme.
  if (code === 'unauthorized') headers['www-authenticate'] = 'Bearer'
  if (retryMs !== undefined) headers['retry-after'] = String(Math.ceil(retryMs / 1000))
  hub.door.refuse(code, () => exchange.respond(statusFor(code), headers, body))
}

function checkUrl(head: RequestHead): void {
  if (head.search !== '' && TOKEN_PARAMETERS.some((name) => head.query.has(name))) {
    throw new TriwireError(
      'token_in_url',
      'URLs end up in logs. Send the token in hello, in an Authorization header or in a cookie.',
    )
  }
}

function checkEncoding(headers: HeaderFields): void {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new TriwireError('unsupported_encoding', 'Bodies are sent as they are, without Content-Encoding.')
  }
  // Forms of other sites can send these two types without asking; lines never need them.
  const type = headers['content-type'] ?? ''
  if (/^(?:application\/x-www-form-urlencoded|multipart\/form-data)/i.test(type)) {
    throw new TriwireError(
      'unsupported_encoding',
      'Bodies are text/plain: send that Content-Type (curl sends another one by itself).',
    )
  }
}

function requireMethod(method: string, expected: string): void {
  if (method !== expected) throw new TriwireError('method_not_allowed', `Use ${expected} here.`)
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN
  if (!(value <= max))
    throw new TriwireError('bad_line', `Query parameter "${name}" is a whole number up to ${max}.`)
  return value
}
