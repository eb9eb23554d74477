/**
 * What a Worker with Triwire weighs, and how long it takes from a process that has just started to the first answer of its
 * object; beside a Worker whose object does nothing, in turns, in one run.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { startWorkerd } from './workerd.ts'

const TURNS = 15

const folder = mkdtempSync(join(tmpdir(), 'triwire-measure-'))
const apps = join(process.cwd(), 'src/apps')

/** Bundles an app as it would be deployed; returns its file and what it weighs. */
async function bundle(app: string, without: readonly string[] = []): Promise<{ file: string; sizes: string }> {
  const { outputFiles } = await build({
    entryPoints: [join(apps, `${app}.ts`)],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    conditions: ['@triwire/source', 'workerd', 'worker', 'browser'],
    external: ['cloudflare:workers', ...without],
  })
  const code = outputFiles[0]?.contents ?? new Uint8Array()
  const file = join(folder, `${[app, ...without].join('-without-')}.js`)
  writeFileSync(file, code)
  return { file, sizes: `${kB(code.length)} kB, gzip ${kB(gzipSync(code, { level: 9 }).length)} kB` }
}

/** Milliseconds to the first answer of the object in a runtime that has just started, and to the second. */
async function firstAnswers(file: string): Promise<readonly [number, number]> {
  const { origin, close } = await startWorkerd({ file })
  const body =
    '{"t":"hello","v":1,"s":"aaaaaaaaaaaaaaaaaaaaaa","k":"ann","wait":0}\n{"t":"join","ch":"room?id=a","j":1}'
  const ask = async (): Promise<number> => {
    const startedAt = performance.now()
    // The next runtime may get the same port, and must not be asked on a connection to this one.
    const init = { method: 'POST', body, headers: { 'content-type': 'text/plain', connection: 'close' } }
    const text = await (await fetch(`${origin}/rt/poll`, init)).text()
    if (!text.includes('"welcome"')) throw new Error(`The Worker answered ${text}`)
    return performance.now() - startedAt
  }
  try {
    return [await ask(), await ask()]
  } finally {
    await close()
  }
}

const kB = (bytes: number): string => (bytes / 1000).toFixed(1)
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

try {
  const triwire = await bundle('sleeper')
  const bare = await bundle('bare')
  const { sizes } = await bundle('sleeper', ['zod'])
  console.log(`a Worker with one channel: ${triwire.sizes}; without its schema library: ${sizes}`)
  const taken = { triwire: [] as (readonly number[])[], bare: [] as (readonly number[])[] }
  for (let turn = 0; turn < TURNS; turn++) {
    taken.triwire.push(await firstAnswers(triwire.file))
    taken.bare.push(await firstAnswers(bare.file))
  }
  const of = (side: 'triwire' | 'bare', which: number): number =>
    median(taken[side].map((pair) => pair[which] ?? 0))
  for (const [which, what] of ['first', 'second'].entries()) {
    const [ours, theirs] = [of('triwire', which), of('bare', which)]
    console.log(
      `${what} answer, median of ${TURNS}: ${ours.toFixed(1)} ms; of an object that does nothing ${theirs.toFixed(1)} ms; ratio ${(ours / theirs).toFixed(2)}`,
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
