// What the page about scaling quotes of a proxy's configuration is in the file that test/proxies runs.

import { expect, test } from 'vitest'
import { fencesOf } from '../src/markdown.ts'
import { read } from '../src/repository.ts'

test('lines of nginx on the page are lines of the configuration that is tested', () => {
  const quoted = fencesOf(read('docs/scaling.md').text).filter(({ language }) => language === 'nginx')
  expect(quoted).not.toHaveLength(0)
  const lines = new Set(read('docs/scaling/nginx.conf').text.split('\n'))
  const elsewhere = quoted.flatMap(({ code }) => code.split('\n').filter((line) => !lines.has(line)))
  expect(elsewhere).toEqual([])
})
