import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DEFAULT_WIRE_LIMITS,
  decodeDownstream,
  decodeUpstream,
  encodeBatch,
  encodeEvent,
  encodeLine,
  splitBatch,
  type UpstreamLine,
  utf8Length,
} from '../src/index.ts'
import { exceedsDepth } from '../src/upstream-codec.ts'
import { codeOf } from './refused.ts'

// Node has it; this package is compiled without Node's types.
declare const Buffer: { byteLength(text: string): number }

const SESSION = 'AAAAAAAAAAAAAAAAAAAAA_'

/** One valid line of each type with every field, and which of them may be left out. */
const LINES: { readonly [TType in UpstreamLine['t']]: Extract<UpstreamLine, { readonly t: TType }> } = {
  hello: { t: 'hello', v: 1, s: SESSION, k: 'token', wait: 25_000 },
  join: { t: 'join', ch: 'a', j: 1, after: 'e:1:t', tail: 5, snap: true, fresh: true, pres: '' },
  leave: { t: 'leave', ch: 'a' },
  pub: { t: 'pub', ch: 'a', n: 3, lo: 1, e: 'message', d: null },
  cmd: { t: 'cmd', ch: 'a', id: '1', c: 'send', d: { text: '' } },
  sig: { t: 'sig', ch: 'a', e: 'typing', k: 'me', d: false },
  pres: { t: 'pres', ch: 'a', n: 1, s: SESSION, d: {} },
  ping: { t: 'ping', n: 0 },
  seen: { t: 'seen', n: 1 },
}
const OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  hello: ['k', 'wait'],
  join: ['after', 'tail', 'snap', 'fresh', 'pres'],
  pub: ['lo'],
  sig: ['k'],
  pres: ['s', 'd'],
}

const noText = [null, 5, true, {}, [], ['a'], 'x'.repeat(20_000)]
const noName = [...noText, '']
const noNumber = [null, '1', '', true, {}, [], [1], 0.5, 2 ** 53, 1e300, -(2 ** 53)]
const noFlag = [null, 'true', 0, 1, {}, []]

/** What each field must not be; payloads may be anything but missing. */
const WRONG: { readonly [TType in UpstreamLine['t']]: Readonly<Record<string, readonly unknown[]>> } = {
  hello: {
    v: [...noNumber, -1],
    s: [...noName, `${SESSION}A`, SESSION.slice(1), `${SESSION.slice(1)}+`, `${SESSION}\n`, '__proto__'],
    k: noName,
    wait: [...noNumber, -1, 60_001],
  },
  join: {
    ch: [...noName, 'x'.repeat(256)],
    j: [...noNumber, -1],
    after: [...noName, 'x'.repeat(8192)],
    tail: [...noNumber, -1, 1_000_001],
    snap: noFlag,
    fresh: noFlag,
    pres: [...noText, 'x'.repeat(65)],
  },
  leave: { ch: [...noName, 'x'.repeat(256)] },
  pub: {
    ch: noName,
    n: [...noNumber, 0, -1],
    lo: [...noNumber, 0, -1],
    e: [...noName, 'x'.repeat(65)],
  },
  cmd: {
    ch: noName,
    id: [...noName, 'a b', 'é', 'x'.repeat(65), '1\n', '../1'],
    c: [...noName, 'x'.repeat(65)],
  },
  sig: { ch: noName, e: [...noName, 'x'.repeat(65)], k: [...noName, 'x'.repeat(65)] },
  pres: { ch: noName, n: [...noNumber, 0, -1], s: [...noName, `${SESSION}A`, SESSION.slice(1)] },
  ping: { n: [...noNumber, -1] },
  seen: { n: [...noNumber, 0, -1] },
}

describe('an upstream line', () => {
  const types = Object.keys(LINES) as UpstreamLine['t'][]

  test.each(types)('of type %s reads back as it was written', (type) => {
    expect(decodeUpstream(encodeLine(LINES[type]))).toEqual(LINES[type])
  })

  const fields = types.flatMap((type) =>
    Object.keys(LINES[type])
      .filter((field) => field !== 't')
      .map((field) => ({ type, field })),
  )

  test.each(fields)('of type $type without $field is refused unless it may be left out', ({ type, field }) => {
    const { [field]: _, ...rest } = LINES[type] as unknown as Record<string, unknown>
    const text = JSON.stringify(rest)
    if (OPTIONAL[type]?.includes(field)) expect(decodeUpstream(text)).toEqual(rest)
    else expect(codeOf(() => decodeUpstream(text))).toBe('bad_line')
  })

  test('has every field but its payload in the table of wrong values', () => {
    const covered = types.flatMap((type) => Object.keys(WRONG[type]).map((field) => ({ type, field })))
    expect(covered).toEqual(fields.filter(({ field }) => field !== 'd'))
  })

  const wrong = types.flatMap((type) =>
    Object.entries(WRONG[type]).flatMap(([field, values]) =>
      values.map((value) => ({ type, field, value, shown: JSON.stringify(value).slice(0, 24) })),
    ),
  )

  test.each(wrong)('of type $type with $shown for $field is refused', ({ type, field, value }) => {
    expect(codeOf(() => decodeUpstream(JSON.stringify({ ...LINES[type], [field]: value })))).toBe('bad_line')
  })

  test('with a number beyond what a double holds is refused', () => {
    expect(codeOf(() => decodeUpstream('{"t":"ping","n":1e400}'))).toBe('bad_line')
    expect(codeOf(() => decodeUpstream('{"t":"ping","n":9007199254740993}'))).toBe('bad_line')
  })

  test.each([
    'null',
    '5',
    '"hello"',
    '[]',
    '{}',
    '{"t":5}',
    '{"t":"ev"}',
    '{"t":["ping"],"n":1}',
    '{"t":"__proto__"}',
    '{"t":"constructor"}',
    '{"t":"hasOwnProperty"}',
    '{"__proto__":{"t":"ping","n":1}}',
    '{"t":"ping","__proto__":{"n":1}}',
  ])('that is %s is refused', (text) => {
    expect(codeOf(() => decodeUpstream(text))).toBe('bad_line')
  })

  test('that is truncated, has something behind it or a BOM before it is refused', () => {
    const line = encodeLine(LINES.pub)
    for (let length = 0; length < line.length; length++) {
      expect(codeOf(() => decodeUpstream(line.slice(0, length)))).toBe('bad_line')
    }
    for (const text of [`${line}x`, `${line}{}`, `${line},`, `\ufeff${line}`, `${line}\0`]) {
      expect(codeOf(() => decodeUpstream(text))).toBe('bad_line')
    }
  })

  test('keeps names of Object.prototype in payloads as plain data', () => {
    const line = decodeUpstream('{"t":"pub","ch":"a","n":1,"e":"x","d":{"__proto__":{"admin":true}}}')
    const data = (line as { d: Record<string, unknown> }).d
    expect(Object.keys(data)).toEqual(['__proto__'])
    expect(data.admin).toBeUndefined()
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
  })

  test('nests 32 levels deep and no deeper', () => {
    const nested = (levels: number): string =>
      `{"t":"sig","ch":"a","e":"x","d":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
    expect(decodeUpstream(nested(32)).t).toBe('sig')
    expect(codeOf(() => decodeUpstream(nested(33)))).toBe('too_deep')
    expect(codeOf(() => decodeUpstream('['.repeat(1_000_000)))).toBe('too_deep')
  })

  test('never makes the reader throw anything but a code', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.json().map((json) => `{"t":"pub","d":${json}}`),
    )
    fc.assert(
      fc.property(texts, (text) => {
        expect(codeOf(() => decodeUpstream(text))).toMatch(/^(bad_line|too_deep)$/)
      }),
    )
  })
})

describe('the depth of a text', () => {
  test('is that of its value, whatever its strings hold', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
    const strings = fc.array(fc.constantFrom('{', '[', '"', '\\', '}', ']', 'a')).map((parts) => parts.join(''))
    const { value: values } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        strings,
        fc.integer(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(strings, tie('value'), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(values, fc.nat(6), (value, max) => {
        expect(exceedsDepth(JSON.stringify(value), max)).toBe(depthOf(value) > max)
      }),
    )
  })
})

describe('the length in UTF-8', () => {
  test('is the one an encoder finds, lone surrogates included', () => {
    const units = fc.array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7ff, max: 0xe000 }), fc.nat(0x900)))
    fc.assert(
      fc.property(units, (codes) => {
        const text = String.fromCharCode(...codes)
        expect(utf8Length(text)).toBe(Buffer.byteLength(text))
      }),
    )
    for (const text of ['', '\ud800', '\udc00', '\udc00\ud800', '\ud800\ud800\udc00', '👩‍👩‍👧', 'a\ud83d']) {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text))
    }
  })
})

describe('an event', () => {
  test('is encoded around its payload as JSON.stringify would encode it whole', () => {
    const heads = fc.record(
      { ch: fc.string(), at: fc.string(), prev: fc.nat(), e: fc.string({ unit: 'binary' }), c: fc.string() },
      { requiredKeys: ['ch', 'at', 'e'] },
    )
    fc.assert(
      fc.property(heads, fc.jsonValue(), (head, d) => {
        const { ch, at, prev, e, c } = head
        const whole = JSON.stringify({ t: 'ev', ch, at, prev, e, c, d })
        expect(encodeEvent(head, JSON.stringify(d))).toBe(whole)
        expect(whole).not.toContain('\n')
        expect(decodeDownstream(whole)).toEqual(JSON.parse(whole))
      }),
    )
  })

  test('relays its payload as received', () => {
    const payload = '{"b":9007199254740993,"a":-0,"2":1e400,"1":1,"b":2}'
    expect(encodeEvent({ ch: 'a', at: 'e:1:t', e: 'x' }, payload)).toBe(
      `{"t":"ev","ch":"a","at":"e:1:t","e":"x","d":${payload}}`,
    )
  })
})

describe('a downstream line', () => {
  test.each(['', 'x', 'null', '5', '[]', '{}', '{"t":1}', '{"t":"hb"', '\ufeff{"t":"hb"}'])(
    'that is %j is no line',
    (text) => {
      expect(decodeDownstream(text)).toBeUndefined()
    },
  )

  test('of an unknown type is a line', () => {
    expect(decodeDownstream('{"t":"of_tomorrow"}')).toEqual({ t: 'of_tomorrow' })
  })
})

describe('a batch', () => {
  const limits = { ...DEFAULT_WIRE_LIMITS, line: 20, body: 60, batch: 3 }

  test('comes apart into the lines it was made of', () => {
    const lines = fc.array(fc.jsonValue().map((d) => JSON.stringify({ d })))
    fc.assert(
      fc.property(lines, (written) => {
        expect(splitBatch(encodeBatch(written))).toEqual(written)
      }),
    )
  })

  test('loses its empty lines', () => {
    expect(splitBatch('\n{}\n\n\r\n{"a":1}\n')).toEqual(['{}', '{"a":1}'])
    expect(splitBatch('')).toEqual([])
  })

  test.each([
    ['too many lines', '1\n2\n3\n4', 'batch_too_long'],
    ['one line too long', `1\n${'x'.repeat(21)}`, 'line_too_large'],
    ['one line too long in bytes', `1\n${'é'.repeat(11)}`, 'line_too_large'],
    ['too many bytes', 'x'.repeat(61), 'body_too_large'],
    ['too many bytes in UTF-8', '日'.repeat(21), 'body_too_large'],
    ['too many bytes of nothing', '\n'.repeat(61), 'body_too_large'],
  ])('with %s is refused whole', (_, text, code) => {
    expect(codeOf(() => splitBatch(text, limits))).toBe(code)
  })

  test('may fill every limit exactly', () => {
    const line = `${'é'.repeat(9)}xx`
    expect(splitBatch([line, line, 'x'.repeat(18)].join('\n'), limits)).toHaveLength(3)
    expect(splitBatch('日'.repeat(6), limits)).toHaveLength(1)
  })

  test('is held to the limits of the protocol where none are given', () => {
    expect(splitBatch('1\n'.repeat(1024))).toHaveLength(1024)
    expect(codeOf(() => splitBatch('1\n'.repeat(1025)))).toBe('batch_too_long')
    expect(codeOf(() => splitBatch('x'.repeat(65_537)))).toBe('line_too_large')
    expect(codeOf(() => splitBatch('x'.repeat(262_145)))).toBe('body_too_large')
  })
})
