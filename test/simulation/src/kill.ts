/** Looks for a schedule that kills a mutant: first the script that is known to, then seed after seed. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleProduct, FOLDER } from './bundle.ts'
import { generate } from './generate.ts'
import type { Mutant } from './mutants.ts'
import { Runner } from './runner.ts'
import type { Script } from './script.ts'
import { shrink } from './shrink.ts'

/** How a mutant died. */
export interface Death {
  readonly invariant: string
  /** The seed or the script. */
  readonly by: string
  readonly schedules: number
}

/** Schedules after which a mutant counts as having survived. */
const MOST = 1000

/** The script that is known to kill a mutant; undefined where none is. */
export function knownKiller(name: string): Script | undefined {
  const file = killerFile(name)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Script) : undefined
}

/** @param record writes down the script that kills it, shortened */
export async function killMutant(
  worker: string,
  mutant: Mutant,
  { record = false, most = MOST }: { readonly record?: boolean; readonly most?: number } = {},
): Promise<Death | undefined> {
  const runner = new Runner(worker, await bundleProduct([mutant]))
  let sane: Runner | undefined
  try {
    const known = knownKiller(mutant.name)
    if (known !== undefined) {
      const [violation] = (await runner.script(known)).violations
      if (violation !== undefined) return { invariant: violation.invariant, by: 'its known script', schedules: 1 }
    }
    sane = new Runner(worker, await bundleProduct())
    for (let first = 1, tried = 0; first <= most; first += 50) {
      const { failures, totals } = await runner.seeds(first, first + 49, true)
      tried += totals.schedules
      const [failure] = failures
      const violation = failure?.result.violations[0]
      if (failure === undefined || violation === undefined) continue
      const script = generate(failure.seed)
      // What the product itself does with it is no merit of the mutant's.
      if ((await sane.script(script)).violations.length > 0) {
        first = failure.seed + 1 - 50
        continue
      }
      if (record) await recordKiller(mutant, script, violation.invariant, runner, sane)
      return { invariant: violation.invariant, by: `seed ${failure.seed}`, schedules: tried }
    }
    return undefined
  } finally {
    await runner.close()
    await sane?.close()
  }
}

async function recordKiller(
  mutant: Mutant,
  script: Script,
  wanted: string,
  runner: Runner,
  sane: Runner,
): Promise<void> {
  const short = await shrink(
    script,
    async (candidate) =>
      (await runner.script(candidate)).violations.some(({ invariant }) => invariant === wanted) &&
      (await sane.script(candidate)).violations.length === 0,
    150,
  )
  const named = { title: `Kills the mutant "${mutant.name}".`, reason: mutant.why, ...short }
  writeFileSync(killerFile(mutant.name), `${JSON.stringify(named, null, 2)}\n`)
}

function killerFile(name: string): string {
  return join(FOLDER, 'killers', `${name.replaceAll(' ', '-')}.json`)
}
