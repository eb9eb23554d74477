// @vitest-environment node
import { readdirSync, readFileSync } from 'node:fs'
import { Linter } from 'eslint'
import reactHooks from 'eslint-plugin-react-hooks'
import { transformWithOxc } from 'vite'
import { expect, test } from 'vitest'

// Every rule of the plugin, those of the React Compiler among them: an app that compiles its components compiles
// through these hooks. ESLint reads JavaScript, so the types are taken out first.
const linter = new Linter()
const config: Linter.Config = {
  languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } },
  plugins: { 'react-hooks': reactHooks as never },
  rules: Object.fromEntries(Object.keys(reactHooks.rules).map((rule) => [`react-hooks/${rule}`, 'error' as const])),
}

async function lint(name: string, code: string): Promise<string[]> {
  const { code: javascript } = await transformWithOxc(code, name, { target: 'esnext', jsx: 'preserve' })
  return linter
    .verify(javascript, config, 'file.js')
    .map(({ ruleId, line, message }) => `${name}:${line} ${ruleId} ${message}`)
}

test.each([
  ['packages/react/src', 'use-realtime.ts'],
  ['examples/testing/src', 'Chat.tsx'],
  ['examples/tanstack-query/src', 'use-todos.ts'],
  ['apps/demo/src/react', 'Chat.tsx'],
])(
  'the React Compiler has nothing to say about %s',
  async (place, expected) => {
    const folder = new URL(`../../../${place}/`, import.meta.url)
    const files = readdirSync(folder).filter((name) => /(?<!\.test)\.tsx?$/.test(name))
    expect(files).toContain(expected)
    const findings = await Promise.all(files.map((file) => lint(file, readFileSync(new URL(file, folder), 'utf8'))))
    expect(findings.flat()).toEqual([])
  },
  30_000,
)

test('it would speak up about a ref written during render', async () => {
  const findings = await lint(
    'bad.ts',
    'import { useRef } from "react"; export function useBad(x: number) { const r = useRef(x); r.current = x; return r.current }',
  )
  expect(findings.join('\n')).toContain('react-hooks/refs')
})
