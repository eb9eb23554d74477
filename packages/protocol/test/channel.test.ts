import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ChannelOptions, channel, formatPath, matchPath, paramNames, parseDuration } from '../src/index.ts'
import { codeOf } from './refused.ts'
import { anySchema } from './schema.ts'

/** Options as JavaScript callers may write them, wrong ones too. */
const make = (path: string, options: unknown = {}): unknown =>
  channel(path, options as ChannelOptions<never, never, undefined, never, undefined, never>)

describe('a channel', () => {
  test('has defaults for everything that was left out', () => {
    expect(channel('alerts', {})).toEqual({
      path: 'alerts',
      events: {},
      publish: [],
      signals: {},
      presence: undefined,
      commands: {},
      snapshot: undefined,
      history: { keep: 100, ttlMs: 300_000, bytes: 1_048_576 },
      public: false,
    })
  })

  test('is public where it says so', () => {
    expect(channel('scores', { public: true }).public).toBe(true)
  })

  test('keeps the history it is told to', () => {
    expect(channel('a', { history: { keep: 1, ttl: '24h' } }).history).toMatchObject({ keep: 1, ttlMs: 86_400_000 })
  })

  test.each([
    ['an empty path', '', {}],
    ['an empty segment', 'a//b', {}],
    ['a slash at the start', '/a', {}],
    ['a slash at the end', 'a/', {}],
    ['dots for a segment', 'a/..', {}],
    ['a parameter without a name', 'a/:', {}],
    ['a parameter twice', 'a/:id/:id', {}],
    ['a parameter called __proto__', 'a/:__proto__', {}],
    ['a star', 'a/*', {}],
    ['a percent sign', 'a%2F', {}],
    ['a line break', 'a\n', {}],
    ['an event that is no schema', 'a', { events: { e: {} } }],
    ['an event that is null', 'a', { events: { e: null } }],
    ['a signal that is no schema', 'a', { signals: { s: 5 } }],
    ['a presence value that is no schema', 'a', { presence: {} }],
    ['a snapshot that is no schema', 'a', { snapshot: { '~standard': { version: 2 } } }],
    ['a name for an event with a space', 'a', { events: { 'two words': anySchema } }],
    ['a reserved name for an event', 'a', { events: { $gap: anySchema } }],
    ['a name that is an event and a signal', 'a', { events: { x: anySchema }, signals: { x: anySchema } }],
    ['a command without output', 'a', { commands: { c: { input: anySchema } } }],
    ['a command with a bad name', 'a', { commands: { '': { input: anySchema, output: anySchema } } }],
    ['publish for an unknown event', 'a', { events: { e: anySchema }, publish: ['f'] }],
    ['publish for a name of Object.prototype', 'a', { events: { e: anySchema }, publish: ['constructor'] }],
    ['a history of nothing', 'a', { history: { keep: 0 } }],
    ['half an event of history', 'a', { history: { keep: 0.5 } }],
    ['too much history', 'a', { history: { keep: 100_001 } }],
    ['weeks of history', 'a', { history: { ttl: '2w' } }],
    ['a history of a number', 'a', { history: { ttl: 5 } }],
    ['a word for public', 'a', { public: 'yes' }],
  ])('with %s is refused', (_, path, options) => {
    expect(codeOf(() => make(path, options))).toBe('bad_channel')
  })
})

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
  ] as const)('of %s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each([
    '',
    '5',
    's',
    '-5s',
    '0s',
    '1e3s',
    'Infinitys',
    ' 5s',
    '5 s',
    '5s\n',
    '5S',
    '5constructor',
    '٣s',
    `${'9'.repeat(400)}d`,
  ])('of %j is refused', (text) => {
    expect(codeOf(() => parseDuration(text as '1s'))).toBe('bad_channel')
  })
})

describe('a path', () => {
  test('filled with any values matches and gives them back', () => {
    const value = fc.oneof(
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.constantFrom('..', '.', 'a/b', '*', ':x'),
    )
    fc.assert(
      fc.property(value, value, (org, id) => {
        const filled = formatPath('org/:org/board/:id', { org, id })
        expect(filled.split('/')).toHaveLength(4)
        expect(matchPath('org/:org/board/:id', filled)).toEqual(
          Object.assign(Object.create(null) as object, { org, id }),
        )
      }),
    )
  })

  test.each(['chat', 'chat/', 'chat/a/b', 'Chat/a', 'chat/..', 'chat/a%2fb', 'chat/é', '/chat/a', 'chat/*'])(
    'is not matched by %j',
    (filled) => {
      expect(matchPath('chat/:roomId', filled)).toBeUndefined()
    },
  )

  test('with a broken escape is refused', () => {
    expect(codeOf(() => matchPath('chat/:roomId', 'chat/%zz'))).toBe('bad_channel')
  })

  test('names its parameters in order', () => {
    expect(paramNames('org/:org/board/:id')).toEqual(['org', 'id'])
    expect(paramNames('alerts')).toEqual([])
  })

  test('takes no parameter from Object.prototype', () => {
    expect(codeOf(() => formatPath('a/:constructor', {}))).toBe('bad_channel')
  })
})
