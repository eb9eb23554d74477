import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { compile } from '../src/build.ts'
import { impuritiesOf } from '../src/purity.ts'

describe('a build of @triwire/protocol', () => {
  it('contains no timer, clock, randomness, network or promise', async () => {
    const emitted = await compile(fileURLToPath(new URL('../../../packages/protocol', import.meta.url)))
    expect(Object.keys(emitted)).toContain('index.js')
    const impure = Object.entries(emitted)
      .map(([path, code]) => [path, impuritiesOf(path, code)] as const)
      .filter(([, impurities]) => impurities.length > 0)
    expect(impure).toEqual([])
  })
})

describe('the rule about purity', () => {
  it.each([
    ['setTimeout(tick, 10)', 'setTimeout'],
    ['host.setInterval(tick, 10)', 'setInterval'],
    ['queueMicrotask(tick)', 'queueMicrotask'],
    ['const now = Date.now()', 'Date'],
    ['const at = new Date()', 'Date'],
    ['const jitter = Math.random()', 'Math.random'],
    [`const jitter = Math['random']()`, 'Math'],
    ['const { random } = Math', 'Math'],
    ['const id = crypto.randomUUID()', 'crypto'],
    ['const { fetch } = host', 'fetch'],
    ['const socket = new WebSocket(url)', 'WebSocket'],
    ['const isThenable = value instanceof Promise', 'Promise'],
    ['const run = async () => 1', 'async'],
    ['class Hub { async open() {} }', 'async'],
    ['const hub = await open()', 'await'],
    ['for await (const line of lines) write(line)', 'await'],
    [`globalThis['set' + 'Timeout'](tick)`, 'globalThis'],
    ['const text = `later: $' + '{setTimeout(tick)}`', 'setTimeout'],
  ])('refuses %s', (code, impurity) => {
    expect(impuritiesOf('fixture.js', code)).toContain(impurity)
  })

  it.each([
    ['a comment', '// setTimeout, new Date(), await\n/* Math.random() */ export const delayMs = 10'],
    ['a string', `export const wire = 'WebSocket'; export const hint = "call fetch"; export const t = \`Promise\``],
    ['a regular expression', 'export const isClock = (name) => /Date|crypto/.test(name)'],
    ['a longer name', 'export const updateDates = (fetchers) => Math.max(fetchers.length, 1)'],
  ])('does not mind such a word inside %s', (_where, code) => {
    expect(impuritiesOf('fixture.js', code)).toEqual([])
  })
})
