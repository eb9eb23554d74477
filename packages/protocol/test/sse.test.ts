import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatSseEvent, formatSsePadding, type SseEvent, SseParser } from '../src/index.ts'

/** Feeds a text in pieces of the given lengths, over and over. */
function parseInPieces(text: string, lengths: readonly number[], parser: SseParser = new SseParser()): SseEvent[] {
  const events: SseEvent[] = []
  for (let from = 0, turn = 0; from < text.length; turn++) {
    const length = lengths[turn % lengths.length] ?? text.length
    events.push(...parser.handleChunk(text.slice(from, from + length)))
    from += length
  }
  return events
}

const data = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('a', '\r', '\n', '\r\n', ':', ' ', 'data:', 'id: 9', '\0', '\ufeff', ''))
    .map((parts) => parts.join('')),
)
const field = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !/[\r\n\0]/.test(text))
const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })

describe('an event stream', () => {
  test('gives back what was written, however it is cut', () => {
    const frames = fc.array(fc.record({ data, id: fc.option(field), type: fc.option(field) }), { maxLength: 5 })
    fc.assert(
      fc.property(frames, lengths, fc.boolean(), (written, cuts, padded) => {
        let text = padded ? formatSsePadding(64) : ''
        const expected: SseEvent[] = []
        let lastId = ''
        for (const frame of written) {
          lastId = frame.id ?? lastId
          text += formatSseEvent(frame.data, {
            ...(frame.id === null ? {} : { id: frame.id }),
            ...(frame.type === null ? {} : { type: frame.type }),
          })
          // A receiver joins the parts of a payload with LF.
          expected.push({
            type: frame.type || 'message',
            data: frame.data.replace(/\r\n?/g, '\n'),
            id: lastId,
          })
        }
        expect(parseInPieces(text, cuts)).toEqual(expected)
      }),
    )
  })

  test('reads the same whatever ends its lines and wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('data: a', 'data', 'data:b', 'event: e', 'id: 1', ': c', 'x: y', ''), {
          maxLength: 12,
        }),
        fc.infiniteStream(fc.constantFrom('\r', '\n', '\r\n')),
        lengths,
        (lines, ends, cuts) => {
          const plain = lines.map((line) => `${line}\n`).join('')
          let mixed = ''
          for (const line of lines) {
            let end = ends.next().value as string
            // LF right behind a lone CR would be one line end, not two.
            if (line === '' && end === '\n' && mixed.endsWith('\r')) end = '\r\n'
            if (line === '' && mixed.endsWith('\r')) end = '\r'
            mixed += line + end
          }
          expect(parseInPieces(mixed, cuts)).toEqual(parseInPieces(plain, [plain.length || 1]))
        },
      ),
    )
  })

  test('does not take CR LF, split over two chunks, for two line ends', () => {
    const parser = new SseParser()
    expect(parser.handleChunk('data: a\r')).toEqual([])
    expect(parser.handleChunk('')).toEqual([])
    expect(parser.handleChunk('\ndata: b\r')).toEqual([])
    expect(parser.handleChunk('\n\r')).toEqual([{ type: 'message', data: 'a\nb', id: '' }])
    expect(parser.handleChunk('\ndata: c\n\n')).toEqual([{ type: 'message', data: 'c', id: '' }])
  })

  test('splits data at a lone CR, so that it forges no field', () => {
    expect(formatSseEvent('a\rid: 666')).toBe('data: a\ndata: id: 666\n\n')
    expect(parseInPieces(formatSseEvent('a\rid: 666'), [1])).toEqual([
      { type: 'message', data: 'a\nid: 666', id: '' },
    ])
  })

  test('skips one BOM at its very start and no other', () => {
    expect(parseInPieces('\ufeffdata: a\n\n', [1])).toEqual([{ type: 'message', data: 'a', id: '' }])
    expect(parseInPieces('data: \ufeffa\n\n\ufeffdata: b\n\n', [3])).toEqual([
      { type: 'message', data: '\ufeffa', id: '' },
    ])
  })

  test('follows the standard: comments, unknown fields, empty data, no data, one space, NUL in an id', () => {
    const text = [
      ': comment\ndata\n\n',
      'event: lost\n\n',
      'id: 1\nretry: 0\nfoo: bar\ndata:  two spaces\n\n',
      'id: 2\0\nevent: e\ndata:x\ndata:\n\n',
      'id\ndata: y\n\n',
      'data: never ended',
    ].join('')
    expect(parseInPieces(text, [2])).toEqual([
      { type: 'message', data: '', id: '' },
      { type: 'message', data: ' two spaces', id: '1' },
      { type: 'e', data: 'x\n', id: '1' },
      { type: 'message', data: 'y', id: '' },
    ])
  })

  test.each(['a\rb', 'a\nb', 'a\r\nb', 'a\0b', '\n'])('refuses %j for an id or a type', (text) => {
    expect(() => formatSseEvent('', { id: text })).toThrow(RangeError)
    expect(() => formatSseEvent('', { type: text })).toThrow(RangeError)
  })

  test('pads with exactly as many bytes as asked, which read as nothing', () => {
    expect(formatSsePadding(2048)).toHaveLength(2048)
    expect(formatSsePadding(0)).toHaveLength(3)
    expect(parseInPieces(formatSsePadding(100), [7])).toEqual([])
  })

  test('gives up on an event over its bound, in one line or in many', () => {
    expect(() => parseInPieces(`data: ${'x'.repeat(200)}`, [10], new SseParser(100))).toThrow(RangeError)
    expect(() => parseInPieces('data: x\n'.repeat(100), [10], new SseParser(100))).toThrow(RangeError)
    const small = formatSseEvent('x'.repeat(50)).repeat(100)
    expect(parseInPieces(small, [10], new SseParser(100))).toHaveLength(100)
  })
})
