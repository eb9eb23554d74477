/**
 * A channel's snapshot by one request, without a wire: what a server asks for before it renders a page. It is a poll of a
 * session of its own (PROTOCOL.md, §6.4), which is over with its answer.
 */
import {
  type DownstreamLine,
  decodeDownstream,
  encodeLine,
  PROTOCOL_VERSION,
  TriwireError,
} from '@triwire/protocol'
import type { ChannelSnapshot } from './channel-types.ts'
import { toTriwireError } from './requests.ts'

/** Milliseconds it may take; servers wait 30 s for the handler that makes it. */
const TIMEOUT_MS = 35_000

/** What the request is made with. */
export interface SnapshotRequest {
  readonly url: string
  readonly fetch: typeof fetch
  readonly session: string
  readonly token: string | undefined
  readonly address: string
}

/**
 * Asks for it.
 * @throws TriwireError what the server says, `network`, or `no_snapshot` where the channel has none
 */
export async function fetchSnapshot({
  url,
  fetch,
  session,
  token,
  address,
}: SnapshotRequest): Promise<ChannelSnapshot<unknown>> {
  const body = [
    encodeLine({ t: 'hello', v: PROTOCOL_VERSION, s: session, k: token }),
    encodeLine({ t: 'join', ch: address, j: 1, snap: true }),
  ].join('\n')
  let lines: (DownstreamLine | undefined)[]
  try {
    const response = await fetch(`${url}/poll`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain' },
      cache: 'no-store',
      credentials: 'include',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    lines = (await response.text()).split('\n').map(decodeDownstream)
  } catch (error) {
    throw toTriwireError(error)
  }
  for (const line of lines) {
    if (line?.t === 'snap')
      return { data: line.d, cursor: line.at, ...(line.to === undefined ? {} : { overlapTo: line.to }) }
    if (line?.t === 'err' || line?.t === 'end') throw new TriwireError(line.code, line.msg)
  }
  if (lines.some((line) => line?.t === 'joined'))
    throw new TriwireError(
      'no_snapshot',
      `"${address}" has no snapshot. Give its contract one, or begin with a tail.`,
    )
  throw new TriwireError('network', 'This is not from the server.')
}
