// The page of guarantees names the test of each promise: a name that nobody has would promise without proof.

import { expect, test } from 'vitest'
import { exists, read } from '../src/repository.ts'

/** `path` › words of a title, up to the next one or the end of the cell. */
const REFERENCE = /`([^`]+)` › (.+?)(?=<br>| \|)/g

/** References to tests that are not there. */
function missing(page: string): string[] {
  return [...page.matchAll(REFERENCE)].flatMap(([reference, path = '', title = '']) =>
    exists(path) && read(path).text.includes(title) ? [] : [reference],
  )
}

test('every promise names a test, and every test that is named is there', () => {
  const page = read('docs/guarantees.md').text
  const rows = page.split('\n').filter((line) => /^\|(?! promise| limit|---| command| `pnpm)/.test(line))
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.filter((row) => !/` › /.test(row))).toEqual([])
  expect(missing(page)).toEqual([])
})

test('a test that is not there is seen', () => {
  expect(missing('| a | b | `docs/guarantees.md` › What is promised |')).toEqual([])
  expect(missing('| a | b | `docs/guarantees.md` › no such words, for sure<br>`docs/none.md` › x |')).toHaveLength(
    2,
  )
})
