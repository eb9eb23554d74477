// The connection in words.

import type { ConnectionState } from '@triwire/client'

/** What one measured round trip took: `12 ms`, or a dash before the first. */
export function rttText(rtt: number | undefined): string {
  if (rtt === undefined) return '– ms'
  return rtt < 1 ? '< 1 ms' : `${Math.round(rtt)} ms`
}

/** What a connection that is not there is doing about it; empty while it is there. */
export function retryText({ state, attempt, retryAt, error }: ConnectionState, now: number): string {
  if (state === 'closed') return error?.message ?? 'Closed.'
  if (attempt === 0 || state === 'online') return ''
  const seconds = retryAt === undefined ? 0 : Math.ceil((retryAt - now) / 1000)
  return seconds > 0 ? `attempt ${attempt}, next one in ${seconds} s` : `attempt ${attempt}`
}
