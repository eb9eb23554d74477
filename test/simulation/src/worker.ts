/** A thread that runs schedules: one product, loaded once, and one schedule after another. */
import { parentPort, workerData } from 'node:worker_threads'
import { generate } from './generate.ts'
import { Product, type ProductCode } from './product.ts'
import { type Result, runScript } from './run.ts'
import type { Script } from './script.ts'

/** What a thread is started with. */
export interface WorkerSetup {
  readonly code: ProductCode
  /** The seed under way, for whoever watches whether it gets on. */
  readonly progress: SharedArrayBuffer
}

/** What a thread is asked for. */
export type Order =
  | { readonly kind: 'seeds'; readonly from: number; readonly to: number; readonly untilFailure: boolean }
  | { readonly kind: 'script'; readonly script: Script; readonly tells: boolean }

/** Sums over schedules. */
export interface Totals {
  schedules: number
  steps: number
  virtualMs: number
  observations: number
  calls: number
  gaps: number
}

/** What a thread answers. */
export interface Report {
  readonly totals: Totals
  readonly failures: readonly { readonly seed: number; readonly result: Result }[]
  readonly last: Result | undefined
  readonly lines: readonly string[]
}

// Errors are made all the time in here, and nobody looks at where.
Error.stackTraceLimit = 4

const { code, progress } = workerData as WorkerSetup
const product = new Product(code)
const current = new Int32Array(progress)

parentPort?.on('message', (order: Order) => {
  // Outside of the event's own promises: schedules run their microtasks by themselves.
  setImmediate(() => parentPort?.postMessage(obey(order)))
})

function obey(order: Order): Report {
  const totals: Totals = { schedules: 0, steps: 0, virtualMs: 0, observations: 0, calls: 0, gaps: 0 }
  const failures: { seed: number; result: Result }[] = []
  const lines: string[] = []
  let last: Result | undefined
  const run = (script: Script, tell?: (line: string) => void): void => {
    Atomics.store(current, 0, script.seed)
    Atomics.add(current, 1, 1)
    last = runScript(script, product, tell)
    totals.schedules++
    for (const name of ['steps', 'virtualMs', 'observations', 'calls', 'gaps'] as const) totals[name] += last[name]
    if (last.violations.length > 0) failures.push({ seed: script.seed, result: last })
  }
  if (order.kind === 'script') run(order.script, order.tells ? (line) => lines.push(line) : undefined)
  else
    for (let seed = order.from; seed <= order.to && !(order.untilFailure && failures.length > 0); seed++)
      run(generate(seed))
  return { totals, failures, last, lines }
}
