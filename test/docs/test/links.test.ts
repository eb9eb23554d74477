import { dirname, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsOf, codeSpansOf, fencesOf, linksOf, rowsOf } from '../src/markdown.ts'
import {
  examplePages,
  exists,
  guidePages,
  type Page,
  packagePages,
  read,
  rootPages,
  sourceNames,
} from '../src/repository.ts'

const pages = [...rootPages(), ...guidePages(), ...packagePages(), ...examplePages()]

/** Links to the outside are not followed: a test needs no network. */
const isExternal = (target: string): boolean => /^[a-z][a-z0-9+.-]*:/i.test(target)

function brokenLinks({ path, text }: Page): string[] {
  return linksOf(text).flatMap(({ target, line }) => {
    if (isExternal(target)) return []
    const [file = '', anchor] = target.split('#')
    const other = file === '' ? path : posix.join(dirname(path), decodeURIComponent(file))
    if (other.startsWith('..') || !exists(other)) return [`${path}:${line} links to ${target}, which is not there`]
    if (anchor === undefined || anchorsOf(read(other).text).includes(anchor)) return []
    return [`${path}:${line} links to ${target}, which is no heading`]
  })
}

describe('the pages', () => {
  test.each(pages.map((page) => [page.path, page] as const))('%s has no broken links', (_path, page) => {
    expect(brokenLinks(page)).toEqual([])
  })

  test('ARCHITECTURE.md names only files that are there', () => {
    const names = sourceNames()
    const missing = codeSpansOf(read('ARCHITECTURE.md').text).flatMap(({ code, line }) => {
      const isPath = /^(?:packages|apps|test|bench|examples|\.ci|\.changeset)\/[\w./@-]*$/.test(code)
      const isName = /^[\w-]+\.(?:ts|tsx|vue|mjs)$/.test(code)
      const isThere = isPath ? exists(code) : !isName || names.has(code) || exists(code)
      return isThere ? [] : [`ARCHITECTURE.md:${line} names ${code}, which is not there`]
    })
    expect(missing).toEqual([])
  })
})

describe('the reader of pages', () => {
  const page = [
    '# A *page*: `code`, and more!',
    '[one](a.md) ![two](b.png "title") [three](#same-1) `[no](c.md)`',
    '```ts',
    '// file.ts',
    '# no heading [no](d.md)',
    '```',
    '## Same',
    '## Same',
    '[ref]: e.md',
  ].join('\n')

  test('finds links outside code alone', () => {
    expect(linksOf(page).map(({ target }) => target)).toEqual(['a.md', 'b.png', '#same-1', 'e.md'])
  })

  test('makes anchors as GitHub does', () => {
    expect(anchorsOf(page)).toEqual(['a-page-code-and-more', 'same', 'same-1'])
  })

  test('finds fences with their line, and code spans', () => {
    expect(fencesOf(page)).toEqual([{ language: 'ts', code: '// file.ts\n# no heading [no](d.md)', line: 4 }])
    expect(codeSpansOf(page).map(({ code }) => code)).toEqual(['code', '[no](c.md)'])
  })

  test('finds the rows of tables', () => {
    expect(rowsOf('| a | b |\n|---|---|\n| `c` | \\`d\\` |\nx | y')).toEqual([
      { cells: ['a', 'b'], line: 1 },
      { cells: ['---', '---'], line: 2 },
      { cells: ['`c`', '`d`'], line: 3 },
    ])
  })

  test('sees a broken link and a broken anchor', () => {
    const broken = (text: string): number => brokenLinks({ path: 'X.md', text }).length
    expect(broken('[x](README.md) [y](README.md#five-words) [z](https://nowhere.invalid/)')).toBe(0)
    expect(broken('[x](NOWHERE.md)')).toBe(1)
    expect(broken('[x](README.md#six-words)')).toBe(1)
    expect(broken('[x](../outside.md)')).toBe(1)
  })
})
