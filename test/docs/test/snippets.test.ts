import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { knownModules } from '../src/known-modules.ts'
import { guidePages, namesIn, packageNames, packagePages, read, rootPages } from '../src/repository.ts'
import { compile, importsOf, type Snippet, snippetsOf, writeSnippets } from '../src/snippets.ts'
import { compileVue } from '../src/vue-component.ts'

const pages = [...rootPages(), ...guidePages(), ...packagePages()]
const snippets = pages.flatMap(snippetsOf)

describe('the snippets of the pages', () => {
  test('are found in the main README and in that of every package', () => {
    const withSnippets = new Set(snippets.map(({ page }) => page))
    expect([...withSnippets]).toEqual(
      expect.arrayContaining(['README.md', ...packageNames().map((name) => `packages/${name}/README.md`)]),
    )
  })

  test('name their file in the first line, each name once per page', () => {
    const anonymous = snippets.filter(({ name }) => name === undefined)
    expect(anonymous.map(({ page, line }) => `${page}:${line} has no first line like "// server.ts"`)).toEqual([])
    const names = snippets.map(({ page, name }) => `${page} ${name}`)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  test('import nothing but what a reader would install', () => {
    const unknown = snippets.flatMap(({ page, line, code }) =>
      importsOf(code)
        .filter((name) => !Object.hasOwn(knownModules, name) && !name.startsWith('node:'))
        .map((name) => `${page}:${line} imports ${name}`),
    )
    expect(unknown).toEqual([])
  })

  test('compile against the sources of today', { timeout: 60_000 }, async () => {
    const workshop = writeSnippets(snippets)
    onTestFinished(() => workshop.remove())
    expect(await compile(workshop)).toBe('')
  })

  test('would not compile with a mistake, in TypeScript, in React or in Vue', { timeout: 60_000 }, async () => {
    const mistakes: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
      'watch.ts': [["publish('message'", "publish('massage'"]],
      'Tasks.tsx': [['key={id}', 'key={idd}']],
      // In the script, in the template, and in what the template says of the props.
      'Orders.vue': [["publish('note'", "publish('nota'"]],
      'Tasks.vue': [['<s v-if="done">{{ title }}', '<s v-if="done">{{ title.text }}']],
      'Readers.vue': [['update({ ...me,', 'update({ ...me.self,']],
    }
    const workshop = writeSnippets(snippets, (snippet) =>
      replaceIn(snippet, snippet.name ?? '', mistakes[snippet.name ?? ''] ?? []),
    )
    onTestFinished(() => workshop.remove())
    const found = (await compile(workshop)).split('\n')
    const complaints: Readonly<Record<string, RegExp>> = {
      'README-md/watch.ts': /'"massage"' is not assignable/,
      'snapshot-md/Tasks.tsx': /Cannot find name 'idd'/,
      'events-md/Orders.vue.ts': /'"nota"' is not assignable/,
      'snapshot-md/Tasks.vue.ts': /Property 'text' does not exist on type 'string'/,
      'presence-md/Readers.vue.ts': /Property 'self' does not exist on type '\{ userId: string/,
    }
    for (const [file, complaint] of Object.entries(complaints))
      expect(
        found.find((line) => line.includes(file) && complaint.test(line)),
        file,
      ).toBeDefined()
  })

  test('need `<script setup lang="ts">` in a component', () => {
    expect(() => compileVue('<template><p /></template>', 'docs/page.md', 'Room.vue')).toThrow(
      'docs/page.md, Room.vue: write <script setup lang="ts">',
    )
  })
})

describe('the example that tests components', () => {
  const shown = [read('README.md'), read('packages/test/README.md')].flatMap(snippetsOf)

  test.each(namesIn('examples/testing/src'))('is what the pages show: %s', (name) => {
    const { text } = read(`examples/testing/src/${name}`)
    expect(shown.find((snippet) => snippet.name === name)?.code).toBe(`// ${name}\n${text.trimEnd()}`)
  })
})

describe('the app of the main README', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test('runs: its server on a free port, and its client without a framework', async () => {
    const readme = snippetsOf(read('README.md'))
    const serverWorkshop = writeSnippets(readme, (snippet) =>
      replaceIn(snippet, 'server.ts', [
        ['port: 3000', "port: 0, hostname: '127.0.0.1'"],
        ['const server', 'export const server'],
        ['process.once', 'void realtime, (() => {})'],
      ]),
    )
    onTestFinished(() => serverWorkshop.remove())
    const { server } = (await importFile(serverWorkshop.pathOf('README.md', 'server.ts'))) as { server: Server }
    const { realtime } = (await importFile(serverWorkshop.pathOf('README.md', 'realtime.ts'))) as {
      realtime: { close(): Promise<void> }
    }
    onTestFinished(async () => {
      await realtime.close()
      server.closeAllConnections()
      server.close()
    })
    if (!server.listening) await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const clientWorkshop = writeSnippets(readme, (snippet) =>
      replaceIn(snippet, 'watch.ts', [['http://localhost:3000', origin]]),
    )
    onTestFinished(() => clientWorkshop.remove())
    const watch = (await importFile(clientWorkshop.pathOf('README.md', 'watch.ts'))) as {
      client: { close(): void }
      stop(): void
      follow(after: string, handle: (text: string, cursor: string) => Promise<void>): Promise<void>
    }
    onTestFinished(() => watch.client.close())
    await expect
      .poll(() => log.mock.calls)
      .toEqual(
        expect.arrayContaining([
          ['I said', 'hello'],
          ['stored as', expect.stringMatching(/^[\w-]{16}\.1$/)],
        ]),
      )
    watch.stop()

    const headers = { authorization: 'Bearer ann' }
    const lines = async (path: string): Promise<Record<string, unknown>[]> => {
      const text = await (await fetch(`${origin}/rt/${path}`, { headers })).text()
      return text.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    }
    // Before the only message, so that the loop of the snippet has something to read.
    const [, joined] = await lines('log/lobby/general?tail=1')
    const stopped = new Error('enough')
    const seen: string[] = []
    await expect(
      watch.follow(joined?.at as string, (text) => {
        seen.push(text)
        return Promise.reject(stopped)
      }),
    ).rejects.toBe(stopped)
    expect(seen).toEqual(['hello'])

    expect(await lines('log/chat/general?snapshot')).toContainEqual(
      expect.objectContaining({
        t: 'snap',
        d: { messages: [expect.objectContaining({ from: 'ann', text: 'hello' })] },
      }),
    )
    const posted = await fetch(`${origin}/ticks/ACME`, { method: 'POST', body: '{"bid":1.5}' })
    expect(posted.status).toBe(204)
    expect(await lines('log/price/ACME?tail=1')).toContainEqual(
      expect.objectContaining({ t: 'ev', d: { bid: 1.5 } }),
    )
    expect((await fetch(`${origin}/rt/log/lobby/general`)).status).toBe(401)
  })
})

/** Changes one snippet where it would otherwise take a port of its reader's. Each place must be there, once. */
function replaceIn(snippet: Snippet, name: string, changes: readonly (readonly [string, string])[]): string {
  if (snippet.name !== name) return snippet.code
  return changes.reduce((code, [from, to]) => {
    expect(code.split(from), `${name}: "${from}"`).toHaveLength(2)
    return code.replace(from, to)
  }, snippet.code)
}

function importFile(path: string): Promise<unknown> {
  return import(/* @vite-ignore */ pathToFileURL(path).href)
}
