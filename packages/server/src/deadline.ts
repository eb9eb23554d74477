/** Time limits for code that is not ours: hooks, handlers and schemas may hang, and their slots must come free. */
import { TriwireError } from '@triwire/protocol'

/**
 * Runs a task and gives up on it after `ms`. The task itself cannot be stopped; what it does later is its own.
 * @throws TriwireError `deadline`, or whatever the task throws
 */
export async function withDeadline<TResult>(task: () => TResult | Promise<TResult>, ms: number): Promise<TResult> {
  const begun = task()
  // What is there already needs no clock.
  if (!isThenable(begun)) return begun
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TriwireError('deadline', 'The server took too long. Try again.')), ms)
  })
  try {
    return await Promise.race([begun, late])
  } finally {
    clearTimeout(timer)
  }
}

function isThenable<TResult>(value: TResult | Promise<TResult>): value is Promise<TResult> {
  return typeof (value as Partial<Promise<TResult>> | null | undefined)?.then === 'function'
}
