/**
 * The query of a public log's page. Caches know a page by its URL, so it has exactly one: `?after=<cursor>`, and behind
 * it `&round=<number>` for an answer that is held, each as it reads here. Whoever writes the same otherwise is told where
 * it is, and what would ask for another answer altogether is refused.
 */
import { type Cursor, formatCursor, parseCursor, TriwireError } from '@triwire/protocol'

/** A page by its place. */
export interface PagePlace {
  /** Undefined: where the log ends now. */
  readonly after: Cursor | undefined
  /** The answer is held until there is an event or this round is over. */
  readonly round: number | undefined
}

/** What was asked for. */
export type PageQuery =
  | { readonly is: 'page'; readonly place: PagePlace }
  /** A page by another name. `waits`: in the round that is now. */
  | { readonly is: 'elsewhere'; readonly place: PagePlace; readonly waits: boolean }
  /** The page that begins with the last so many events. */
  | { readonly is: 'tail'; readonly tail: number }

const NAMES = ['after', 'round', 'wait', 'tail']

/**
 * Reads a query.
 * @param search as it was written, with its `?`
 * @throws TriwireError `bad_line`, `bad_cursor`
 */
export function readPageQuery(search: string, query: URLSearchParams): PageQuery {
  const names = [...query.keys()]
  if (names.some((name) => !NAMES.includes(name)) || new Set(names).size < names.length)
    throw new TriwireError('bad_line', 'A public log takes `after`, and then `round`, each once. Follow `Link`.')
  const text = query.get('after')
  const after = text === null ? undefined : parseCursor(text)
  const round = wholeNumber(query, 'round', Number.MAX_SAFE_INTEGER)
  if (round !== undefined && after === undefined)
    throw new TriwireError('bad_line', 'Query parameter "round" needs "after".')
  const wait = wholeNumber(query, 'wait', 3600) ?? 0
  const tail = wholeNumber(query, 'tail', 1_000_000) ?? 0
  if (after === undefined && tail > 0) return { is: 'tail', tail }
  const place = { after, round }
  if (search === formatPageQuery(place)) return { is: 'page', place }
  return { is: 'elsewhere', place, waits: wait > 0 && after !== undefined && round === undefined }
}

/** The one way to write a place. */
export function formatPageQuery({ after, round }: PagePlace): string {
  if (after === undefined) return ''
  return `?after=${formatCursor(after)}${round === undefined ? '' : `&round=${round}`}`
}

function wholeNumber(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!(value <= max))
    throw new TriwireError('bad_line', `Query parameter "${name}" is a whole number up to ${max}.`)
  return value
}
