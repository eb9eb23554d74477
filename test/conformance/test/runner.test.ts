/** The runner itself: what a case expects and does not get must fail it, or no case proves anything. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Case, Step } from '../src/case.ts'
import { startFixture } from '../src/fixture.ts'
import type { Host } from '../src/host.ts'
import { fill, match } from '../src/pattern.ts'
import { runCase } from '../src/run.ts'

let fixture: Host

beforeAll(async () => {
  fixture = await startFixture()
})

afterAll(() => fixture.close())

const join = { t: 'join', ch: 'notices', j: 1 }

test.each<{ name: string; steps: Step[] }>([
  { name: 'a line that does not come', steps: [{ open: {} }, { expect: { t: 'gap' }, within: 100 }] },
  {
    name: 'a line with another value',
    steps: [{ open: { lines: [join] } }, { expect: { t: 'joined', j: 2 }, within: 100 }],
  },
  {
    name: 'lines in another order',
    steps: [{ open: { lines: [join] } }, { expect: [{ t: 'joined' }, { t: 'welcome' }], within: 100 }],
  },
  {
    name: 'a line that must not come',
    steps: [{ open: { lines: [join] } }, { expect: { t: 'joined' } }, { never: { t: 'joined' } }],
  },
  { name: 'a refusal that does not come', steps: [{ open: {} }, { refused: 'unauthorized', within: 100 }] },
  { name: 'a refusal with another code', steps: [{ open: { token: 'wrong' } }, { refused: 'bad_version' }] },
  { name: 'another status', steps: [{ http: { method: 'GET', path: '/nothing' }, status: 200 }] },
  {
    name: 'a header that must not be there',
    steps: [
      {
        http: { method: 'GET', path: '/nothing' },
        code: 'not_found',
        headers: { 'cache-control': { $absent: true } },
      },
    ],
  },
  { name: 'a step that nobody knows', steps: [{ hope: 'for the best' }] },
])('$name fails a case', async ({ steps }) => {
  const one: Case = {
    id: 'x',
    title: 'x',
    section: '§1',
    wires: [],
    limits: undefined,
    blind: false,
    inside: false,
    oneNode: false,
    row: undefined,
    steps,
  }
  await expect(runCase(one, 'websocket', fixture)).rejects.toThrow(/^Step /)
  await expect(runCase(one, 'sse', fixture)).rejects.toThrow(/^Step /)
  await expect(runCase(one, 'polling', fixture)).rejects.toThrow(/^Step /)
})

test('a template keeps own keys of every name and the types of what it is filled with', () => {
  const list = [{ $each: 'i', from: 1, to: 2, item: reference('i') }]
  const template: unknown = JSON.parse(`{"__proto__":{"a":"${reference('n')}"},"list":${JSON.stringify(list)}}`)
  expect(JSON.stringify(fill(template, { n: 5 }))).toBe('{"__proto__":{"a":5},"list":[1,2]}')
  expect(() => fill(reference('constructor'), {})).toThrow('unknown here')
})

test('a pattern matches lists exactly and objects by the keys it names', () => {
  expect(match({ a: [1] }, { a: [1], b: 2 })).toEqual({})
  expect(match({ a: [1] }, { a: [1, 2] })).toBeUndefined()
  expect(match({ a: { $capture: 'x', $type: 'number' } }, { a: 1 })).toEqual({ x: 1 })
  expect(match({ toString: { $absent: true } }, {})).toEqual({})
})

function reference(name: string): string {
  return `$\{${name}}`
}
