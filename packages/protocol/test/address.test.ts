import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatAddress, type Params, parseAddress, TriwireError } from '../src/index.ts'
import { codeOf } from './refused.ts'

const names = fc.oneof(
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/),
  fc.constantFrom('constructor', 'hasOwnProperty', 'toString', 'valueOf'),
)
const keys = fc.oneof(
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,8}$/),
  fc.constantFrom('constructor', 'hasOwnProperty'),
)
const nasty = ['/', '..', '.', '*', '>', '$SYS.>', '{tag}', ':', '\r\n', '\0', '%2F', '?', '&', '=', '#', '+', ' ']
const values = fc.oneof(
  fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }),
  fc.constantFrom(...nasty, '__proto__', 'constructor', 'é', '日本', '👩‍👩‍👧', '0', '\u2028'),
)
const params = fc.dictionary(names, values, { maxKeys: 3 })

/** Plain entries, in an order of their own. */
function entriesOf(record: Params): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}

describe('an address', () => {
  test('reads back as the key and the parameters it was written from', () => {
    fc.assert(
      fc.property(keys, params, (key, given) => {
        let address: string
        try {
          address = formatAddress(key, given)
        } catch (error) {
          expect((error as TriwireError).message).toContain('255 bytes')
          return
        }
        const read = parseAddress(address)
        expect(read.key).toBe(key)
        expect(entriesOf(read.params)).toEqual(entriesOf(given))
      }),
    )
  })

  test('holds nothing but unreserved characters, percent signs and its own separators', () => {
    fc.assert(
      fc.property(keys, params, (key, given) => {
        try {
          expect(formatAddress(key, given)).toMatch(/^[A-Za-z0-9_.~?&=%-]+$/)
        } catch (error) {
          expect(error).toBeInstanceOf(TriwireError)
        }
      }),
    )
  })

  test('has one form: any text that parses is written the same way', () => {
    const pieces = fc.constantFrom(
      ...['a', 'b', 'chat', '?', '&', '=', '%', '2F', '%2f', '%2F', '.', '%2E', '..', '/', '+', '%C3%A9', 'é'],
      ...['%ED%A0%80', '\r\n', '__proto__', '*', '%2A', '~', '%7E', '1', '01'],
    )
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.array(pieces, { maxLength: 4 }).map((parts) => `chat?a=${parts.join('')}`),
      fc.array(pieces, { maxLength: 4 }).map((parts) => `chat?a=1&b=${parts.join('')}`),
    )
    let parsed = 0
    fc.assert(
      fc.property(texts, (text) => {
        let read: ReturnType<typeof parseAddress>
        try {
          read = parseAddress(text)
        } catch (error) {
          expect((error as TriwireError).code).toBe('bad_channel')
          return
        }
        parsed++
        expect(formatAddress(read.key, read.params)).toBe(text)
      }),
      { numRuns: 1000 },
    )
    expect(parsed).toBeGreaterThan(20)
  })

  test('lets no two sets of parameters share it', () => {
    fc.assert(
      fc.property(params, params, (left, right) => {
        const [a, b] = [JSON.stringify(entriesOf(left)), JSON.stringify(entriesOf(right))]
        try {
          expect(formatAddress('chat', left) === formatAddress('chat', right)).toBe(a === b)
        } catch (error) {
          expect((error as TriwireError).code).toBe('bad_channel')
        }
      }),
    )
  })

  test('lists parameters in the order of their names', () => {
    expect(formatAddress('board', { org: 'acme', id: 7 })).toBe('board?id=7&org=acme')
    expect(formatAddress('alerts')).toBe('alerts')
  })

  test.each([
    ['a/b', 'a%2Fb'],
    ['..', '%2E%2E'],
    ['.', '%2E'],
    ['...', '...'],
    ['*', '%2A'],
    ['>', '%3E'],
    ['$SYS.>', '%24SYS.%3E'],
    ['{tag}', '%7Btag%7D'],
    [':', '%3A'],
    ["!'()", '%21%27%28%29'],
    ['\r\n', '%0D%0A'],
    ['a&b=c', 'a%26b%3Dc'],
    ['__proto__', '__proto__'],
  ])('writes %j so that it cannot leave its place', (value, encoded) => {
    const address = `chat?roomId=${encoded}`
    expect(formatAddress('chat', { roomId: value })).toBe(address)
    expect(parseAddress(address).params.roomId).toBe(value)
  })

  test.each([
    ['an unescaped slash', 'chat?a=x/y'],
    ['dots', 'chat?a=..'],
    ['an unescaped star', 'chat?a=*'],
    ['an unescaped colon', 'chat?a=b:c'],
    ['lower-case escapes', 'chat?a=%2f'],
    ['needless escapes', 'chat?a=%61'],
    ['a plus sign', 'chat?a=b+c'],
    ['raw unicode', 'chat?a=é'],
    ['half a surrogate pair, encoded', 'chat?a=%ED%A0%80'],
    ['a broken escape', 'chat?a=%E0%A4%A'],
    ['parameters out of order', 'chat?b=1&a=2'],
    ['a parameter twice', 'chat?a=1&a=2'],
    ['an empty value', 'chat?a='],
    ['no value', 'chat?a'],
    ['no name', 'chat?=1'],
    ['an empty query', 'chat?'],
    ['an empty pair', 'chat?a=1&'],
    ['two question marks', 'chat?a=1?b=2'],
    ['CR LF', 'chat\r\n'],
    ['a control character in a name', 'chat?a\n=1'],
    ['a percent sign in a name', 'chat?%61=1'],
    ['a star for a key', '*'],
    ['dots for a key', '..'],
    ['a key that starts with a digit', '1chat'],
    ['__proto__ for a key', '__proto__'],
    ['__proto__ for a parameter', 'chat?__proto__=1'],
    ['nothing', ''],
    ['10 KiB', `chat?a=${'x'.repeat(10_240)}`],
  ])('with %s is refused', (_, text) => {
    expect(codeOf(() => parseAddress(text))).toBe('bad_channel')
  })

  test.each([
    ['the high half of a surrogate pair', '\ud800'],
    ['the low half', 'a\udc00'],
    ['halves in the wrong order', '\udc00\ud800'],
    ['an empty string', ''],
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['null', null],
    ['an object', {}],
  ])('cannot be written with %s for a value', (_, value) => {
    expect(codeOf(() => formatAddress('chat', { a: value as string }))).toBe('bad_channel')
  })

  test('cannot be written with a name that would read as two parameters', () => {
    expect(codeOf(() => formatAddress('chat', { 'a=1&b': '2' }))).toBe('bad_channel')
    expect(codeOf(() => formatAddress('chat?a=1', {}))).toBe('bad_channel')
    expect(codeOf(() => formatAddress('', {}))).toBe('bad_channel')
  })

  test('has at most 255 bytes, counted as they are written', () => {
    const room = 255 - 'chat?a='.length
    expect(formatAddress('chat', { a: 'x'.repeat(room) })).toHaveLength(255)
    expect(codeOf(() => formatAddress('chat', { a: 'x'.repeat(room + 1) }))).toBe('bad_channel')
    expect(codeOf(() => formatAddress('chat', { a: 'é'.repeat(42) }))).toBe('bad_channel')
  })

  test('treats names of Object.prototype as plain data', () => {
    const { params: read } = parseAddress('chat?constructor=1&toString=2')
    expect(Object.keys(read)).toEqual(['constructor', 'toString'])
    expect(Object.getPrototypeOf(read)).toBeNull()
    expect(parseAddress('chat').params.constructor).toBeUndefined()
    expect(codeOf(() => formatAddress('chat', JSON.parse('{"__proto__":"x"}') as Params))).toBe('bad_channel')
  })
})
