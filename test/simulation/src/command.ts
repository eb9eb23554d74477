/** `pnpm sim`: one seed, many, a script, or the mutants. Prints what to do next where something fails. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleProduct, bundleWorker, FOLDER } from './bundle.ts'
import { generate } from './generate.ts'
import { INVARIANTS } from './invariants.ts'
import { killMutant } from './kill.ts'
import { MUTANTS } from './mutants.ts'
import type { Result } from './run.ts'
import { Runner, runSeeds } from './runner.ts'
import type { Script } from './script.ts'
import { shrink } from './shrink.ts'

const USAGE = `pnpm sim --seed 123            one schedule; with --trace, everything that happens in it
pnpm sim --schedules 100000     many, from --from 1, on --workers threads
pnpm sim --script file.json     a script, as a failing seed writes one
pnpm sim --mutant name          looks for a schedule that kills one mutant
pnpm sim --mutants              all of them; --record writes down what kills each
pnpm sim --invariants           what is checked`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    schedules: { type: 'string' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(Math.max(1, availableParallelism())) },
    script: { type: 'string' },
    mutant: { type: 'string' },
    mutants: { type: 'boolean' },
    record: { type: 'boolean' },
    trace: { type: 'boolean' },
    invariants: { type: 'boolean' },
  },
})

const worker = await bundleWorker()
process.exitCode = await main()

async function main(): Promise<number> {
  if (values.invariants) {
    for (const [name, sentence] of Object.entries(INVARIANTS)) console.log(`${name}: ${sentence}`)
    return 0
  }
  if (values.mutants || values.mutant !== undefined) return await mutants(values.mutant)
  if (values.script !== undefined) return await one(JSON.parse(readFileSync(values.script, 'utf8')) as Script)
  if (values.seed !== undefined) return await one(generate(Number(values.seed)))
  if (values.schedules !== undefined) return await many(Number(values.schedules))
  console.log(USAGE)
  return 2
}

async function one(script: Script): Promise<number> {
  const runner = new Runner(worker, await bundleProduct())
  try {
    if (values.trace) for (const line of await runner.trace(script)) console.log(line)
    const result = await runner.script(script)
    const { trace, steps, virtualMs, observations, calls, gaps } = result
    console.log(
      `trace ${trace}: ${steps} steps, ${virtualMs / 1000} virtual seconds, ${observations} observations, ${calls} calls, ${gaps} gaps`,
    )
    if (result.violations.length === 0) return 0
    await explain(runner, script, result)
    return 1
  } finally {
    await runner.close()
  }
}

async function many(count: number): Promise<number> {
  const code = await bundleProduct()
  const runners = Array.from({ length: Number(values.workers) }, () => new Runner(worker, code))
  const startedAt = performance.now()
  let done = 0
  let shownAt = startedAt
  try {
    const { totals, failures } = await runSeeds(runners, Number(values.from), count, (report) => {
      done += report.totals.schedules
      for (const { seed, result } of report.failures) {
        const { invariant, message } = result.violations[0] as Result['violations'][number]
        console.log(`seed ${seed} breaks "${invariant}": ${message.slice(0, 300)}\n  pnpm sim --seed ${seed}`)
      }
      if (performance.now() - shownAt > 10_000) {
        shownAt = performance.now()
        console.log(`${done} of ${count} schedules`)
      }
      return true
    })
    const seconds = (performance.now() - startedAt) / 1000
    console.log(
      `${totals.schedules} schedules in ${seconds.toFixed(1)} s (${(totals.schedules / seconds).toFixed(0)} per second on ${runners.length} threads): ` +
        `${(totals.virtualMs / 3_600_000).toFixed(1)} virtual hours, ${totals.observations} observations, ${totals.calls} calls, ${totals.gaps} gaps, ${failures.length} failures`,
    )
    const [first] = failures
    if (first !== undefined) await explain(runners[0] as Runner, generate(first.seed), first.result)
    return failures.length > 0 ? 1 : 0
  } finally {
    for (const runner of runners) await runner.close()
  }
}

/** Says what broke, and writes the shortest script that breaks it. */
async function explain(runner: Runner, script: Script, { violations }: Result): Promise<void> {
  for (const { invariant, message, at } of violations) console.log(`at ${at}: "${invariant}" is broken: ${message}`)
  const names = new Set(violations.map(({ invariant }) => invariant))
  const [wanted] = names
  console.log(`replay: pnpm sim --seed ${script.seed}\nmaking it shorter …`)
  const short = await shrink(script, async (candidate) =>
    (await runner.script(candidate)).violations.some(({ invariant }) => invariant === wanted),
  )
  const file = join(FOLDER, 'node_modules', '.cache', `seed-${script.seed}.json`)
  writeFileSync(file, `${JSON.stringify(short, null, 2)}\n`)
  console.log(`${short.steps.length} of ${script.steps.length} steps are enough: pnpm sim --script ${file}`)
  for (const step of short.steps) console.log(`  ${JSON.stringify(step)}`)
}

async function mutants(name: string | undefined): Promise<number> {
  const chosen = MUTANTS.filter((mutant) => name === undefined || mutant.name === name)
  let killed = 0
  for (const mutant of chosen) {
    const death = await killMutant(worker, mutant, { record: values.record === true })
    if (death !== undefined) killed++
    console.log(
      death === undefined
        ? `SURVIVES: ${mutant.name} (${mutant.why})`
        : `killed: ${mutant.name} by "${death.invariant}" (${death.by}, ${death.schedules} schedules)`,
    )
  }
  console.log(`${killed} of ${chosen.length} planted faults killed`)
  return killed === chosen.length && chosen.length > 0 ? 0 : 1
}

mkdirSync(join(FOLDER, 'killers'), { recursive: true })
