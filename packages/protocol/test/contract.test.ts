import { describe, expect, test } from 'vitest'
import { channel, contract, formatAddress, resolveAddress, resolvePath } from '../src/index.ts'
import { codeOf } from './refused.ts'

const api = contract({
  alerts: channel('alerts', {}),
  chat: channel('chat/:roomId', {}),
  board: channel('org/:org/board/:id', {}),
  constructor: channel('built/:toString', {}),
})

describe('a contract', () => {
  test.each([
    ['the same path twice', 'a/b', 'a/b'],
    ['a parameter over a word', 'chat/:id', 'chat/lobby'],
    ['a word over a parameter', 'chat/lobby', 'chat/:id'],
    ['two parameters', 'chat/:a', 'chat/:b'],
    ['parameters crossing words', ':a/lobby', 'chat/:b'],
  ])('with %s is refused', (_, left, right) => {
    expect(codeOf(() => contract({ a: channel(left, {}), b: channel(right, {}) }))).toBe('bad_channel')
  })

  test.each([
    ['chat/:a', 'chat/:a/pins'],
    ['chat/:a', 'room/:a'],
    [':a/chat', ':a/room'],
    ['chat', ':a/chat'],
  ])('may hold %s beside %s', (left, right) => {
    expect(() => contract({ a: channel(left, {}), b: channel(right, {}) })).not.toThrow()
  })

  test.each(['', '__proto__', '1a', 'a b', 'a?b', 'a/b', 'é', 'a'.repeat(65)])(
    'with %j for a key is refused',
    (key) => {
      expect(codeOf(() => contract({ [key]: channel('a', {}) }))).toBe('bad_channel')
    },
  )
})

describe('an address', () => {
  test('finds its channel and parameters', () => {
    expect(resolveAddress(api, 'board?id=7&org=acme')).toMatchObject({
      key: 'board',
      address: 'board?id=7&org=acme',
      channel: { path: 'org/:org/board/:id' },
      params: { id: '7', org: 'acme' },
    })
    expect(resolveAddress(api, 'alerts').channel).toBe(api.channels.alerts)
  })

  test.each(['nothing', 'toString', 'hasOwnProperty', 'valueOf', 'Alerts'])(
    '%j names a channel that is not there',
    (address) => {
      expect(codeOf(() => resolveAddress(api, address))).toBe('unknown_channel')
    },
  )

  test.each([
    'chat',
    'alerts?a=1',
    'chat?room=1',
    'chat?roomId=1&x=2',
    'board?id=7',
    'constructor',
    '__proto__',
    '',
  ])('%j has the wrong parameters or form', (address) => {
    expect(codeOf(() => resolveAddress(api, address))).toBe('bad_channel')
  })

  test('treats names of Object.prototype as plain data', () => {
    const { params } = resolveAddress(api, 'constructor?toString=x')
    expect(Object.entries(params)).toEqual([['toString', 'x']])
  })
})

describe('a path', () => {
  test('finds the channel that its address finds', () => {
    for (const [path, address] of [
      ['alerts', 'alerts'],
      ['chat/general', 'chat?roomId=general'],
      ['chat/a%2Fb', 'chat?roomId=a%2Fb'],
      ['org/acme/board/7', formatAddress('board', { org: 'acme', id: 7 })],
    ] as const) {
      expect(resolvePath(api, path)).toEqual(resolveAddress(api, address))
    }
  })

  test.each(['', '/', 'chat', 'chat/', 'chat/a/b', 'chat/..', 'alerts/', '/alerts', 'org/acme/board', '__proto__'])(
    '%j leads nowhere',
    (path) => {
      expect(codeOf(() => resolvePath(api, path))).toBe('unknown_channel')
    },
  )
})
