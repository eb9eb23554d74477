// What a run asks of each of the two libraries. The steps are the same for both: open, send while the fault is on, take
// the fault away, come to rest, be judged.

import type { FaultCase, Row } from './fault-cases.ts'
import { type FaultProxy, startFaultProxy } from './proxy/fault-proxy.ts'

/** A run, as both libraries see it. */
export interface RunPlan {
  readonly case: FaultCase
  readonly rows: readonly Row[]
  /** Each way and row. */
  readonly messages: number
  readonly everyMs: number
  /** For histories. */
  readonly folder: string
}

/** One library in one run. */
export interface Side {
  start(): Promise<void>
  /** Opens every client; those that cannot connect in time are left to go on trying. */
  open(): Promise<void>
  /** Sends both ways, with the disturbance, and resolves when everything was answered, or will not be. */
  send(): Promise<void>
  /** Takes the fault away and waits until nothing is under way; names the rows that did not come to rest. */
  settle(): Promise<string[]>
  close(): Promise<void>
}

/** Milliseconds a client has for its first connection. */
export const OPEN_BOUND_MS = 15_000
/** Milliseconds everything has for its end, beyond the longest time-out of a dead wire (45 s). */
export const SETTLE_BOUND_MS = 90_000
/** Milliseconds between two end marks: where one can be lost, another follows. */
export const MARK_EVERY_MS = 1000

/** A proxy per row, so that each wire has the fault for itself. */
export async function startProxies(plan: RunPlan, targets: readonly number[]): Promise<Map<string, FaultProxy>> {
  const { faults, rttMs = 0 } = plan.case
  const proxies = new Map<string, FaultProxy>()
  for (const row of plan.rows) proxies.set(row, await startFaultProxy({ targets, faults, rttMs }))
  return proxies
}

/** The promise, or `undefined` after so long. */
export async function within<TValue>(ms: number, promise: Promise<TValue>): Promise<TValue | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
