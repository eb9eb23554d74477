/** The page that says what one may cost: it has every limit, with the default that the code has. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../src/limits.ts'
import { DEFAULT_MEMORY_LIMITS } from '../src/memory-limits.ts'

const PAGE = readFileSync(new URL('../../../docs/guarantees.md', import.meta.url), 'utf8')

/** What the page has between backticks in the first cells of its rows, with the numbers beside them. */
const STATED = new Map(
  [...PAGE.matchAll(/^\| `(\w+)`(?: of `memory\(\)`)? \| ([\d,]+) \|/gm)].map(([row, name = '', value]) => [
    row.includes('memory()') ? `${name} of memory()` : name,
    value,
  ]),
)

it.each([
  ...Object.entries(DEFAULT_LIMITS),
  ...Object.entries(DEFAULT_MEMORY_LIMITS).map(
    // One name stands for the channels of a connection, too.
    ([name, value]) => [name === 'channels' ? 'channels of memory()' : name, value] as const,
  ),
])('%s is on the page of guarantees with its default', (name, value) => {
  expect(STATED.get(name)).toBe(value.toLocaleString('en-US'))
})

it('the page names no limit that there is not', () => {
  const known = new Set([...Object.keys(DEFAULT_LIMITS), ...Object.keys(DEFAULT_MEMORY_LIMITS)])
  expect([...STATED.keys()].filter((name) => !known.has(name.replace(' of memory()', '')))).toEqual([])
})
