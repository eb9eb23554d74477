/** The header fields of a request, as a plain record: `Headers` costs more to make than a poll has to spare. */

/** By name in lower case; several of one name are joined by `, ` (RFC 9110 §5.3). */
export type HeaderFields = Readonly<Partial<Record<string, string>>>

/** The fields of the standard's `Headers`. */
export function fieldsOf(headers: Headers): HeaderFields {
  return Object.fromEntries(headers)
}

/** The standard's `Headers`, for code of the app. */
export function headersOf(fields: HeaderFields): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) headers.set(name, value)
  return headers
}
