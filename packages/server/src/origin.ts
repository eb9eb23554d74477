/**
 * Which pages may talk to this server. Browsers send cookies along from any page, so every request that could come
 * from a browser is checked by its exact Origin (RFC 6454) and, where sent, by Sec-Fetch-Site (W3C Fetch Metadata),
 * before anything else is looked at.
 */
import { TriwireError } from '@triwire/protocol'
import type { RequestHead } from './sink.ts'

/** Exact origins, as browsers write them: `https://app.example.com`. The server's own is always allowed. */
export type AllowedOrigins = readonly string[]

/**
 * Checks a request; returns the headers its response needs for the page to read it.
 * @throws TriwireError `bad_origin`
 */
export function checkOrigin(head: RequestHead, allowed: AllowedOrigins): Record<string, string> {
  const origin = head.headers.origin
  const site = head.headers['sec-fetch-site']
  if (origin === undefined) {
    // No Origin: not a browser, or a same-origin GET. A browser that knows better says so here.
    if (site === undefined || site === 'same-origin' || site === 'none') return {}
    throw refusal()
  }
  if (allowed.includes(origin)) {
    return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'Origin' }
  }
  // Behind a proxy that ends TLS the scheme is not known here; host and port must agree to the letter.
  const host = head.headers.host
  const own = host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
  if (own && (site === undefined || site === 'same-origin')) return { vary: 'Origin' }
  throw refusal()
}

/**
 * Checks the allow-list itself.
 * @throws TriwireError `bad_origin` for an entry that no browser would ever send
 */
export function checkAllowedOrigins(allowed: AllowedOrigins): void {
  for (const origin of allowed) {
    const parsed = URL.canParse(origin) ? new URL(origin).origin : undefined
    if (parsed !== origin || origin === 'null') {
      throw new TriwireError(
        'bad_origin',
        `"${origin}" is no origin. Write scheme and host exactly, as in "https://app.example.com".`,
      )
    }
  }
}

function refusal(): TriwireError {
  return new TriwireError(
    'bad_origin',
    'Pages of this origin may not connect. Add the origin to `origins` if they should.',
  )
}
