import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_CURSOR_LENGTH } from '../src/cursor.ts'
import { formatCursor, parseCursor, startOf } from '../src/index.ts'
import { codeOf } from './refused.ts'

const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/)
const cursors = fc.record({ epoch: name, offset: fc.maxSafeNat(), tag: name })

describe('a cursor', () => {
  test('reads back as it was written', () => {
    fc.assert(
      fc.property(cursors, (cursor) => {
        expect(parseCursor(formatCursor(cursor))).toEqual({ ...cursor })
      }),
    )
  })

  test('has one text: whatever parses is written the same way', () => {
    const almost = fc
      .tuple(fc.string({ maxLength: 4 }), fc.stringMatching(/^[-+0-9.eExX_ ]{0,18}$/), fc.string({ maxLength: 4 }))
      .map((parts) => parts.join(':'))
    fc.assert(
      fc.property(fc.oneof(almost, fc.string()), (text) => {
        let cursor: ReturnType<typeof parseCursor>
        try {
          cursor = parseCursor(text)
        } catch {
          return
        }
        expect(formatCursor(cursor)).toBe(text)
      }),
    )
  })

  test.each([
    ['a negative offset', 'e:-1:t'],
    ['NaN', 'e:NaN:t'],
    ['Infinity', 'e:Infinity:t'],
    ['2^53', 'e:9007199254740992:t'],
    ['2^64', 'e:18446744073709551616:t'],
    ['a leading zero', 'e:01:t'],
    ['two zeros', 'e:00:t'],
    ['an exponent', 'e:1e3:t'],
    ['hexadecimal', 'e:0x1:t'],
    ['a sign', 'e:+1:t'],
    ['a fraction', 'e:1.0:t'],
    ['a space', 'e: 1:t'],
    ['a digit of another script', 'e:١:t'],
    ['no offset', 'e::t'],
    ['no epoch', ':1:t'],
    ['no tag', 'e:1:'],
    ['two parts', 'e:1'],
    ['four parts', 'e:1:t:t'],
    ['a foreign character in the epoch', 'é:1:t'],
    ['a space in the tag', 'e:1:t t'],
    ['a trailing line break', 'e:1:t\n'],
    ['a leading NUL', '\0e:1:t'],
    ['an epoch of 33 characters', `${'e'.repeat(33)}:1:t`],
    ['a tag of 33 characters', `e:1:${'t'.repeat(33)}`],
    ['8 KiB', `e:${'1'.repeat(8192)}:t`],
    ['nothing', ''],
  ])('with %s is refused', (_, text) => {
    expect(codeOf(() => parseCursor(text))).toBe('bad_cursor')
  })

  test.each([undefined, null, 5, {}, [], true])('that is no string (%j) is refused', (value) => {
    expect(codeOf(() => parseCursor(value as unknown as string))).toBe('bad_cursor')
  })

  test('may be as long as its longest parts', () => {
    const longest = `${'e'.repeat(32)}:9007199254740991:${'t'.repeat(32)}`
    expect(longest).toHaveLength(MAX_CURSOR_LENGTH)
    expect(parseCursor(longest).offset).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('before the first event of an epoch stands at 0', () => {
    expect(formatCursor(startOf('e'))).toBe('e:0:0')
    expect(parseCursor('e:0:0')).toEqual(startOf('e'))
  })
})
