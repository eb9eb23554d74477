// Five numbered events a second, so that one can see that nothing is missing. They are emitted by the process that
// started the nodes, which serves no clients: whichever node dies, the ticker is none of it.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tick } from '../contract.ts'

const EVERY_MS = 200

/**
 * Starts it; returns how to stop it. Where an event could not be emitted, it may be in the log or not, so counting
 * begins anew with another run rather than with a hole or a repetition that would be nobody's fault.
 */
export function startTicker(
  emit: (tick: Tick) => Promise<void>,
  look: () => Pick<Tick, 'nodes' | 'seats'>,
): () => void {
  let stopped = false
  const tick = async (): Promise<void> => {
    let run = randomUUID()
    let n = 0
    while (!stopped) {
      try {
        await emit({ run, n: ++n, ...look() })
      } catch {
        run = randomUUID()
        n = 0
      }
      await sleep(EVERY_MS - (Date.now() % EVERY_MS))
    }
  }
  void tick()
  return () => {
    stopped = true
  }
}
