/**
 * What `crypto.subtle` computes, it computes on threads of the host, and whichever is done first would decide whose
 * request comes first. While a network is open, it computes one thing after another in the order of asking, and the network
 * holds its breath meanwhile (`flights.ts`): so a test goes the same way every time.
 */

type Operation = (...values: unknown[]) => Promise<unknown>

let users = 0
let underWay = 0
let last: Promise<unknown> = Promise.resolve()

/** Whether something is being computed. */
export function isComputing(): boolean {
  return underWay > 0
}

/** Orders it, until the returned function is called; several may ask for that. */
export function orderComputations(): () => void {
  const subtle = globalThis.crypto.subtle as unknown as Record<string, Operation>
  if (++users === 1)
    for (const name of operations(subtle)) subtle[name] = ordered(subtle, subtle[name] as Operation)
  return () => {
    // The host's own are those of the prototype.
    if (--users === 0) for (const name of operations(subtle)) delete subtle[name]
  }
}

function operations(subtle: object): readonly string[] {
  const prototype = Object.getPrototypeOf(subtle) as object
  return Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { value }]) =>
    typeof value === 'function' && name !== 'constructor' ? [name] : [],
  )
}

function ordered(subtle: object, operation: Operation): Operation {
  return (...values) => {
    underWay++
    const result = last.then(() => operation.apply(subtle, values))
    const end = (): void => {
      underWay--
    }
    last = result.then(end, end)
    return result
  }
}
