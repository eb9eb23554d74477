// A run: every cell once with every peer, then all of it again. A machine that is slower for a while is slower for all.

import { bunProgram } from './machine.ts'
import type { Peer } from './peers/peer.ts'
import { endAll } from './processes/parent.ts'
import type { Sample } from './sample.ts'
import type { Wishes } from './scenarios/scenario.ts'
import { SCENARIOS } from './scenarios/scenarios.ts'

/** What to run. */
export interface RunOptions {
  readonly scenarios: readonly string[]
  readonly rounds: number
  readonly wishes: Wishes
  /** Told what is going on, in a line. */
  readonly onProgress: (line: string) => void
}

/** What came of it. */
export interface Outcome {
  readonly samples: readonly Sample[]
  /** Who could not be measured on this machine, and why; and what failed. No figure comes of either. */
  readonly skipped: readonly string[]
  readonly failed: readonly string[]
}

/** Runs. A measurement that fails is reported and leaves no figure; the others go on. */
export async function run({ scenarios, rounds, wishes, onProgress }: RunOptions): Promise<Outcome> {
  const cells = scenarios.flatMap((name) => SCENARIOS[name]?.(wishes) ?? [])
  const hasBun = bunProgram() !== undefined
  const isAsked = (peer: Peer): boolean =>
    (wishes.peers?.includes(peer.name) ?? true) && (wishes.wires?.includes(peer.wire) ?? true)
  const skipped = new Set<string>()
  const failed: string[] = []
  const samples: Sample[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const { scenario, title, peers, measure } of cells) {
      for (const peer of peers.filter(isAsked)) {
        if (peer.runtime === 'bun' && !hasBun) {
          skipped.add(`${peer.name}: Bun is not installed here; the package "bun" of npm has it.`)
          continue
        }
        onProgress(`round ${round} of ${rounds}: ${title}: ${peer.name}`)
        try {
          for (const { part, figures } of await measure(peer)) {
            samples.push({ scenario, part, wire: peer.wire, peer: peer.name, round, figures })
          }
        } catch (error) {
          await endAll()
          // Errors of the processes come with their stacks; the first line says what was wrong.
          const [why] = (error instanceof Error ? error.message : String(error)).split('\n')
          const line = `round ${round}, ${title}, ${peer.name}: ${why}`
          failed.push(line)
          onProgress(`  failed: ${line}`)
        }
      }
    }
  }
  return { samples, skipped: [...skipped], failed }
}
