// The TypeScript of the pages, as files that can be compiled and run. A block belongs to the file its first line
// names: `// server.ts`, or `<!-- Room.vue -->`. The blocks of one page stand in one folder, beside those that they import
// of the README in the page's folder and of the main README, so that a contract need not be repeated.

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fencesOf } from './markdown.ts'
import type { Page } from './repository.ts'
import { compileVue, isVue } from './vue-component.ts'

/** One block of a page. */
export interface Snippet {
  readonly page: string
  /** The name in its first line; undefined where there is none, which the tests refuse. */
  readonly name: string | undefined
  readonly code: string
  readonly line: number
}

/** Languages of fences that hold code for the compiler. */
const LANGUAGES = new Set(['ts', 'tsx', 'typescript', 'js', 'jsx', 'javascript', 'mts', 'vue'])

/** The first line of a block. */
const NAME = /^(?:\/\/ ([\w.-]+\.tsx?)|<!-- ([\w-]+\.vue) -->)$/

/** The snippets of a page. */
export function snippetsOf({ path, text }: Page): Snippet[] {
  return fencesOf(text)
    .filter(({ language }) => LANGUAGES.has(language))
    .map(({ code, line }) => ({
      page: path,
      name: NAME.exec(code.split('\n')[0] ?? '')
        ?.slice(1)
        .find(Boolean),
      code,
      line,
    }))
}

/** Modules a snippet imports, other than its neighbours. */
export function importsOf(code: string): string[] {
  return [...code.matchAll(/(?:from|import) +'([^'.][^']*)'/g)].map((match) => match[1] as string)
}

/** Snippets written to a folder that the caller removes. Below this package, so that its modules are found. */
export interface Workshop {
  readonly folder: string
  /** The path of a snippet. */
  pathOf(page: string, name: string): string
  remove(): void
}

/**
 * Writes snippets to disk.
 * @param alter changes the code of a snippet on its way, as a test that runs it on a free port must
 */
export function writeSnippets(
  snippets: readonly Snippet[],
  alter: (snippet: Snippet) => string = ({ code }) => code,
): Workshop {
  // `dist` is what every tool of this repository leaves alone.
  const parent = fileURLToPath(new URL('../dist/', import.meta.url))
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'snippets-'))
  const folderOf = (page: string): string => join(folder, page.replaceAll(/[^A-Za-z0-9]+/g, '-'))
  const snippetsIn = (page: string): readonly Snippet[] => snippets.filter((snippet) => snippet.page === page)
  for (const page of new Set(snippets.map((snippet) => snippet.page))) {
    mkdirSync(folderOf(page))
    const own = snippetsIn(page)
    const nearby = neighboursOf(own, snippetsIn(join(dirname(page), 'README.md')))
    const distant = neighboursOf([...own, ...nearby], snippetsIn('README.md'))
    for (const snippet of [...distant, ...nearby, ...own]) {
      const { name, line } = snippet
      if (name === undefined) continue
      const code = alter(snippet)
      // Moved down, so that the compiler's line numbers are those of the page; a component's begin with the block.
      const text = '\n'.repeat(line - 1) + (isVue(name) ? compileVue(code, snippet.page, name) : code)
      writeFileSync(join(folderOf(page), fileOf(name)), text)
    }
  }
  return {
    folder,
    pathOf: (page, name) => join(folderOf(page), fileOf(name)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Compiles all snippets of a workshop, against the sources of the packages; returns what the compiler has to say. */
export async function compile({ folder }: Workshop): Promise<string> {
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      // Components go through a bundler, which finds more than Node does: pusher-js has types for bundlers alone.
      compilerOptions: { moduleDetection: 'force', module: 'ESNext', moduleResolution: 'Bundler' },
      include: ['.'],
    }),
  )
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(typescript, 'bin', 'tsc'), '-p', folder],
      { cwd: folder },
      (error, stdout, stderr) => {
        resolve(error === null ? '' : `${stdout}${stderr}` || String(error))
      },
    )
  })
}

/** What a snippet is called on disk. TypeScript finds `./Room.vue` there, too. */
function fileOf(name: string): string {
  return isVue(name) ? `${name}.ts` : basename(name)
}

/** Snippets among `others` that these import, and what those import in turn. */
function neighboursOf(snippets: readonly Snippet[], others: readonly Snippet[]): readonly Snippet[] {
  const names = new Set(snippets.map(({ name }) => name))
  const found = others.filter(
    ({ name }) => !names.has(name) && snippets.some(({ code }) => code.includes(`from './${name}'`)),
  )
  return found.length === 0 ? [] : [...found, ...neighboursOf([...snippets, ...found], others)]
}
