/**
 * Counts work instead of timing it: every element that an iterator of a built-in collection hands out, and the length of
 * every array that one of its methods walks over. A copy of n elements counts n, a search in n at most n. So a count does
 * not depend on the machine, and twice as much input with more than twice the count is work that grows faster than it.
 */

type Method = (this: { readonly length: number }, ...values: unknown[]) => unknown

const ITERATORS: readonly { next: () => unknown }[] = [[], new Map(), new Set()].map((collection) =>
  Object.getPrototypeOf(collection[Symbol.iterator]()),
)

const WALKS = [
  ...['concat', 'every', 'filter', 'find', 'findIndex', 'flatMap', 'forEach', 'includes', 'indexOf', 'join', 'map'],
  ...['reduce', 'shift', 'slice', 'some', 'sort', 'splice', 'unshift'],
]

/** Does something, and counts what it took. */
export async function countWork(work: () => unknown): Promise<number> {
  let count = 0
  const restore: (() => void)[] = []
  for (const iterator of ITERATORS) {
    const { next } = iterator
    iterator.next = function (): unknown {
      count++
      return next.call(this)
    }
    restore[restore.length] = () => {
      iterator.next = next
    }
  }
  const methods = Array.prototype as unknown as Record<string, Method>
  for (const name of WALKS) {
    const walk = methods[name] as Method
    methods[name] = function (...values) {
      count += this.length
      return Reflect.apply(walk, this, values)
    }
    restore[restore.length] = () => {
      methods[name] = walk
    }
  }
  try {
    await work()
  } finally {
    for (const undo of restore) undo()
  }
  return count
}
