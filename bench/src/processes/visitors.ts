// The process of a soak's load: visitors who come and go.

import { serveParent } from '@triwire-test/chaos/processes/child'
import { Tally } from '../load/tally.ts'
import { type VisitorCounts, Visitors } from '../soak/visitors.ts'

let visitors: Visitors
let broken: Error | undefined

const handlers = {
  open({ port, count }: { port: number; count: number }): void {
    visitors = new Visitors(port, new Tally(), (error) => {
      broken ??= error
    })
    visitors.open(count)
  },

  /** Rejects with what went wrong since the beginning. */
  counts(): VisitorCounts {
    if (broken !== undefined) throw broken
    return visitors.counts
  },

  close(): void {
    visitors.close()
  },
}

/** What the parent may call. */
export type VisitorsProcess = typeof handlers

serveParent(handlers)
