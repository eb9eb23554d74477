// The process of a flood. It shares the core of the load and gives way to it, so the readers' side of what is measured, and
// all of the server's core, are left to those who behave.

import { serveParent } from '@triwire-test/chaos/processes/child'
import type { Flood, Flooded } from '../floods/flood.ts'
import { FLOODS, type FloodName } from '../floods/floods.ts'

let flood: Flood | undefined

const handlers = {
  begin({ name, port }: { name: FloodName; port: number }): void {
    flood = FLOODS[name](port)
  },

  /** Ends it, and says what it came to. */
  end(): Flooded {
    if (flood === undefined) throw new Error('There is no flood to end.')
    const { done, letGo } = flood
    flood.stop()
    flood = undefined
    return { done, letGo }
  },
}

/** What the parent may call. */
export type AttackerProcess = typeof handlers

serveParent(handlers)
