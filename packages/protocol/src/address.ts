/**
 * Channel addresses: the one name a channel has on lines, in brokers and in logs.
 *
 * An address is the channel's key in the contract and, where it has parameters, their values in alphabetical
 * order of their names: `alerts`, `chat?roomId=general`, `board?id=7&org=acme`. It is built from the key, not from
 * the path, because the browser holds the contract as a type only and so knows keys and parameter names, but no
 * paths. Paths (`chat/general`) are for people and plain HTTP clients; servers translate them (PROTOCOL.md §2).
 *
 * Values are percent-encoded down to RFC 3986's unreserved characters, and there is exactly one encoding of each
 * value: what decodes to the same parameters but reads differently is refused, so one channel cannot have two
 * addresses and no value can reach into another channel.
 */

import { TriwireError } from './codes.ts'
import { MAX_ADDRESS_BYTES } from './limits.ts'

/** Parameter values by name; numbers are written in decimal. */
export type Params = Readonly<Record<string, string | number>>

/**
 * Writes the address of a channel.
 * @throws TriwireError `bad_channel` for malformed names, empty values, lone surrogates, or over 255 bytes
 */
export function formatAddress(key: string, params: Params = {}): string {
  const names = Object.keys(params).sort()
  if (!NAME.test(key) || !names.every((name) => PARAM.test(name))) throw badAddress()
  const query = names.map((name) => `${name}=${encodeValue(name, params[name])}`).join('&')
  const address = query === '' ? key : `${key}?${query}`
  if (address.length > MAX_ADDRESS_BYTES)
    throw new TriwireError('bad_channel', `"${key}" is over ${MAX_ADDRESS_BYTES} bytes. Use shorter values.`)
  return address
}

/**
 * Reads an address into key and parameters, strictly: only the form `formatAddress` writes is accepted.
 * @throws TriwireError `bad_channel`
 */
export function parseAddress(address: string): {
  readonly key: string
  readonly params: Readonly<Record<string, string>>
} {
  const question = address.indexOf('?')
  const key = question === -1 ? address : address.slice(0, question)
  const params: Record<string, string> = Object.create(null) as Record<string, string>
  if (question !== -1) {
    for (const pair of address.slice(question + 1).split('&')) {
      const equals = pair.indexOf('=')
      if (equals < 1) throw badAddress()
      params[pair.slice(0, equals)] = decodeValue(pair.slice(equals + 1))
    }
  }
  if (formatAddress(key, params) !== address) throw badAddress()
  return { key, params }
}

/** Percent-encodes one parameter value; `.` and `..` too, so that no store or proxy takes them for a path. */
export function encodeValue(name: string, value: unknown): string {
  try {
    if (/^(string|number)$/.test(typeof value) && value !== '' && !Number.isNaN(value))
      return encodeURIComponent(value as string).replace(/[!'()*]|^\.\.?$/g, percent)
  } catch {
    // Half a surrogate pair.
  }
  throw new TriwireError('bad_channel', `Parameter "${name}" must be a number or a text that is not empty.`)
}

function percent(text: string): string {
  return text.replace(/./g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Reads one percent-encoded value. */
export function decodeValue(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw badAddress()
  }
}

/** What a channel key, an event, a signal or a command may be called. */
export const NAME: RegExp = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/** What a parameter may be called: the same in paths. A name is not encoded, so it must not hold `=` or `&`. */
const PARAM = /^[A-Za-z][A-Za-z0-9_]{0,63}$/

function badAddress(): TriwireError {
  return new TriwireError('bad_channel', 'An address reads key?name=value&…, in order and encoded.')
}
