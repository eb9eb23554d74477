/** PROTOCOL.md against the sources: its examples are lines, its tables are the tables, its sections exist. */
import { readFileSync } from 'node:fs'
import {
  CODES,
  DEFAULT_WIRE_LIMITS,
  decodeUpstream,
  encodeLine,
  parseAddress,
  parseCursor,
} from '@triwire/protocol'
import { describe, expect, test } from 'vitest'
import { readCaseFiles } from '../src/case.ts'

const text = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8')

/** Downstream lines by type: their fields in order, `?` marking those that may be left out. */
const DOWNSTREAM: Readonly<Record<string, readonly string[]>> = {
  welcome: ['v', 'm', 'hb', 'max'],
  joined: ['ch', 'j', 'at', 'head', 'how'],
  snap: ['ch', 'at', 'to?', 'd'],
  gap: ['ch', 'from', 'to', 'reason'],
  ev: ['ch', 'at', 'prev?', 'e', 'c?', 'd'],
  sig: ['ch', 'e', 'k?', 'm?', 'd'],
  pres: ['ch', 'v', 'op', 'm?', 'd?'],
  ack: ['ch', 'n', 'at?'],
  res: ['id', 'at?', 'd'],
  err: ['code', 'msg', 'of?', 'ch?', 'n?', 'id?', 'want?', 'retry?'],
  end: ['ch', 'code', 'msg'],
  hb: [],
  pong: ['n'],
  bye: ['code', 'retry?', 'in?'],
  mark: ['n'],
  expires: ['in'],
}

const UPSTREAM = ['hello', 'join', 'leave', 'pub', 'cmd', 'sig', 'pres', 'ping', 'seen']

const { up, down } = examples()

describe('an upstream example', () => {
  test.each(up)('is a line: %s', (line) => {
    const decoded = decodeUpstream(line)
    expect(encodeLine(decoded)).toBe(line)
    if ('ch' in decoded) parseAddress(decoded.ch)
    if (decoded.t === 'join' && decoded.after !== undefined) parseCursor(decoded.after)
  })

  test.each(UPSTREAM)('exists for %s', (type) => {
    expect(up.some((line) => line.startsWith(`{"t":"${type}"`))).toBe(true)
  })
})

describe('a downstream example', () => {
  test.each(down)('is a line: %s', (line) => {
    const decoded = JSON.parse(line) as Record<string, unknown>
    const [first, ...names] = Object.keys(decoded)
    const fields = DOWNSTREAM[String(decoded.t)]
    expect(first).toBe('t')
    // In the documented order, with nothing unknown and nothing missing.
    expect(names).toEqual(fields?.map((field) => field.replace('?', '')).filter((field) => field in decoded))
    for (const field of fields ?? []) if (!field.endsWith('?')) expect(decoded).toHaveProperty(field)
    expect(JSON.stringify(decoded)).toBe(line)
    if (typeof decoded.ch === 'string') parseAddress(decoded.ch)
    for (const field of ['at', 'from']) if (field in decoded) parseCursor(String(decoded[field]))
    if (typeof decoded.code === 'string') expect(CODES).toHaveProperty(decoded.code)
  })

  test.each(Object.keys(DOWNSTREAM))('exists for %s', (type) => {
    expect(down.some((line) => line.startsWith(`{"t":"${type}"`))).toBe(true)
  })
})

describe('the table of codes', () => {
  const rows = [...section('9').matchAll(/^\| `([a-z_]+)` +\| (\d+) +\| (\d+) +\| (\w+) +\| (.+) \|$/gm)]

  test('is the one of the source, in its order', () => {
    const documented = rows.map(([, code, status, close, advice]) => [code, Number(status), Number(close), advice])
    const actual = Object.entries(CODES).map(([code, { status, close, advice }]) => [code, status, close, advice])
    expect(documented).toEqual(actual)
  })

  test('says what every code means', () => {
    for (const [, , , , , meaning] of rows) expect(meaning?.trim()).not.toBe('')
  })
})

test('the limits a client must obey are the ones of the source', () => {
  const rows = [...section('4').matchAll(/^\| `([a-z]+)`, [^|]+\| (\d+) +\|/gm)]
  expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual(DEFAULT_WIRE_LIMITS)
})

describe('a reference to a section', () => {
  const headings = new Set([...text.matchAll(/^#{2,3} (\d+(?:\.\d+)?)\.? /gm)].map(([, number]) => number))

  test('leads somewhere, within the page and from every case', () => {
    const withoutRfcs = text.replace(/RFC \d+ §[\d.]+/g, '')
    const within = [...withoutRfcs.matchAll(/§(\d+(?:\.\d+)?)/g)].map(([, number]) => number)
    const cases = readCaseFiles().flatMap((file) => file.cases.map((one) => one.section.replace('§', '')))
    expect([...within, ...cases].filter((number) => !headings.has(number))).toEqual([])
  })

  test('that sources make leads to what they mean', () => {
    expect(section('2')).toContain('## 2. Addresses')
    expect(section('3')).toContain('## 3. Cursors')
    expect(section('4')).toContain('### 4.1 Lines, batches and limits')
    expect(section('5')).toContain('## 5. Downstream lines')
    expect(section('9')).toContain('## 9. Codes')
  })
})

test('every case has an id of its own and a sentence as its title', () => {
  const cases = readCaseFiles().flatMap((file) => file.cases)
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length)
  for (const { title } of cases) expect(title).toMatch(/^[A-Z].+ .+[^.]$/)
})

function section(number: string): string {
  const from = text.indexOf(`\n## ${number}. `)
  const to = text.indexOf('\n## ', from + 1)
  return text.slice(from, to === -1 ? undefined : to)
}

/** The lines in fences: of ```jsonl up, of ```jsonl down, and of ```http on either side of the status line. */
function examples(): { up: string[]; down: string[] } {
  const found = { up: [] as string[], down: [] as string[] }
  for (const [, kind, content = ''] of text.matchAll(/```(jsonl up|jsonl down|http)\n([\s\S]*?)```/g)) {
    let isAnswer = kind === 'jsonl down'
    for (const row of content.split('\n')) {
      if (row.startsWith('HTTP/1.1 ')) isAnswer = true
      const line = row.replace(/^data: /, '')
      if (line.startsWith('{')) found[isAnswer ? 'down' : 'up'].push(line)
    }
  }
  return found
}
