/** The compiler on files that exist nowhere else, and what it says of its work. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Files } from './large-app.ts'

/** What a compilation came to. */
export interface Compilation {
  /** What the compiler has to say; empty where all is well. */
  readonly errors: string
  /** Types that were made of generic ones: what types cost, and the same number on every machine. */
  readonly instantiations: number
  readonly types: number
}

/** Compiles files against the sources of the packages. */
export async function compile(files: Files): Promise<Compilation> {
  // `dist` is what every tool of this repository leaves alone; below this package, modules are found.
  const parent = fileURLToPath(new URL('../dist/', import.meta.url))
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'app-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { types: [] }, include: ['.'] }),
    )
    const said = await runCompiler(folder)
    return {
      errors: said
        .split('\n')
        .filter((line) => /error TS/.test(line))
        .join('\n'),
      instantiations: figureOf(said, 'Instantiations'),
      types: figureOf(said, 'Types'),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One thread: of several, each would instantiate for itself, and how files are shared out is not ours to know. */
function runCompiler(folder: string): Promise<string> {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  const compiler = join(typescript, 'bin', 'tsc')
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [compiler, '-p', folder, '--extendedDiagnostics', '--singleThreaded'],
      { cwd: folder, maxBuffer: 16 * 1024 * 1024 },
      (_, stdout, stderr) => resolve(`${stdout}${stderr}`),
    )
  })
}

function figureOf(said: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(said)?.[1])
}
