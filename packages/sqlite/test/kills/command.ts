/** `pnpm --filter @triwire/sqlite kills [count] [seed] [full|process]`: the kill test as long as one likes, as a table. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Durability } from '../../src/index.ts'
import { type RoundReport, runKills } from './kills.ts'

/** Runs it. `appender` is the bundled process. */
export async function killsCommand(appender: string, [count, seedText, level]: readonly string[]): Promise<void> {
  const kills = Number(count ?? 50)
  const seed = Number(seedText ?? Date.now() % 1_000_000)
  const durability: Durability = level === 'process' ? 'process' : 'full'
  const folder = mkdtempSync(join(tmpdir(), 'triwire-kills-'))
  console.log(`seed ${seed}, ${kills} kills, durability ${durability}`)
  console.log('kill  after ms   acknowledged  unacknowledged  repeated  replies  entries')
  const sum = { acknowledged: 0, unacknowledged: 0, repeated: 0, replies: 0, entries: 0 }
  const onRound = (report: RoundReport): void => {
    const { round, killedAfterMs, isEarly, acknowledged, unacknowledged, repeated, replies, entries } = report
    sum.acknowledged += acknowledged
    sum.unacknowledged += unacknowledged
    sum.repeated += repeated
    sum.replies += replies
    sum.entries += entries
    const after = `${killedAfterMs}${isEarly ? ' start' : ''}`
    console.log(line([round, after, acknowledged, unacknowledged, repeated, replies, entries]))
  }
  try {
    await runKills({ path: join(folder, 'kills.db'), appender, kills, seed, durability, onRound })
    console.log(line(['all', '', sum.acknowledged, sum.unacknowledged, sum.repeated, sum.replies, sum.entries]))
    console.log('Nothing lost, nothing twice, nothing out of order.')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function line(cells: readonly (string | number)[]): string {
  const widths = [4, 10, 14, 16, 10, 9, 9]
  return cells.map((cell, index) => String(cell).padStart(widths[index] ?? 8)).join('')
}
