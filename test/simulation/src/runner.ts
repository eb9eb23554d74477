/** Threads from the outside: hands out schedules, and notices one that never ends. */
import { Worker } from 'node:worker_threads'
import type { ProductCode } from './product.ts'
import type { Result } from './run.ts'
import type { Script } from './script.ts'
import type { Order, Report, Totals, WorkerSetup } from './worker.ts'

/** Milliseconds of real time that one schedule may take. */
const PATIENCE_MS = 60_000

/** One thread. */
export class Runner {
  readonly #worker: Worker
  readonly #progress = new SharedArrayBuffer(8)

  /** @param file the bundled `worker.ts` */
  constructor(file: string, code: ProductCode) {
    const setup: WorkerSetup = { code, progress: this.#progress }
    this.#worker = new Worker(file, { workerData: setup })
  }

  /** Runs the schedules of seeds, both bounds included. */
  seeds(from: number, to: number, untilFailure: boolean = false): Promise<Report> {
    return this.#ask({ kind: 'seeds', from, to, untilFailure })
  }

  /** Runs one script. */
  async script(script: Script): Promise<Result> {
    const { last } = await this.#ask({ kind: 'script', script, tells: false })
    return last as Result
  }

  /** Runs one script and returns everything that happened as text. */
  async trace(script: Script): Promise<readonly string[]> {
    return (await this.#ask({ kind: 'script', script, tells: true })).lines
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(order: Order): Promise<Report> {
    const worker = this.#worker
    const current = new Int32Array(this.#progress)
    return new Promise((resolve, reject) => {
      let count = -1
      const settle = (finish: () => void): void => {
        clearInterval(watchdog)
        worker.off('message', handleReport).off('error', handleError)
        finish()
      }
      const handleReport = (report: Report): void => settle(() => resolve(report))
      const handleError = (error: unknown): void => settle(() => reject(error))
      const watchdog = setInterval(() => {
        const now = Atomics.load(current, 1)
        if (now === count) handleError(new Error(`The schedule of seed ${Atomics.load(current, 0)} never ends.`))
        count = now
      }, PATIENCE_MS)
      worker.on('message', handleReport).on('error', handleError)
      worker.postMessage(order)
    })
  }
}

/** Seeds that a thread takes at a time. */
const CHUNK = 50

/** Runs the schedules of many seeds on several threads. */
export async function runSeeds(
  runners: readonly Runner[],
  from: number,
  count: number,
  onReport: (report: Report) => boolean = () => true,
): Promise<{ readonly totals: Totals; readonly failures: Report['failures'] }> {
  const totals: Totals = { schedules: 0, steps: 0, virtualMs: 0, observations: 0, calls: 0, gaps: 0 }
  const failures: Report['failures'][number][] = []
  const end = from + count
  let next = from
  let goesOn = true
  const work = async (runner: Runner): Promise<void> => {
    while (goesOn && next < end) {
      const first = next
      next = Math.min(end, next + CHUNK)
      const report = await runner.seeds(first, next - 1)
      for (const name of Object.keys(totals) as (keyof Totals)[]) totals[name] += report.totals[name]
      failures.push(...report.failures)
      goesOn = onReport(report) && goesOn
    }
  }
  await Promise.all(runners.map(work))
  return { totals, failures: failures.sort((one, other) => one.seed - other.seed) }
}
