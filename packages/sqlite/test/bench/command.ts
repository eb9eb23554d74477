/** `pnpm --filter @triwire/sqlite bench [seconds]`: appends per second, by durability and by how many append at a time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, memory } from '@triwire/server'
import { sqlite } from '../../src/index.ts'

const HISTORY = { keep: 100, ttlMs: 300_000, bytes: 1024 * 1024 }
const APPENDERS = [1, 10, 100, 1000]
const CHANNELS = 50
/** With quotes around it 100 bytes of JSON. */
const DATA = JSON.stringify('x'.repeat(98))

/** Runs it. */
export async function benchCommand([secondsText]: readonly string[]): Promise<void> {
  const seconds = Number(secondsText ?? 2)
  const folder = mkdtempSync(join(tmpdir(), 'triwire-bench-'))
  const brokers: readonly [string, () => Broker][] = [
    ['memory', () => memory()],
    ['sqlite process', () => sqlite({ path: join(folder, 'process.db'), durability: 'process' })],
    ['sqlite full', () => sqlite({ path: join(folder, 'full.db') })],
  ]
  console.log(
    `appends/s of 100 bytes with a producer, ${CHANNELS} channels, ${seconds} s each, on Node ${process.version}`,
  )
  console.log(`${'at a time'.padEnd(16)}${APPENDERS.map((count) => String(count).padStart(26)).join('')}`)
  try {
    for (const [name, create] of brokers) {
      const cells: string[] = []
      for (const appenders of APPENDERS) cells.push((await measure(create(), appenders, seconds)).padStart(26))
      console.log(name.padEnd(16) + cells.join(''))
    }
    console.log('In brackets: milliseconds to an answer, median and 99th percentile.')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function measure(broker: Broker, appenders: number, seconds: number): Promise<string> {
  const latencies: number[] = []
  const startsAt = performance.now()
  const endsAt = startsAt + seconds * 1000
  const append = async (index: number): Promise<void> => {
    const channel = `room?id=${index % CHANNELS}`
    const id = `bench-${startsAt}-${index}`
    for (let sequence = 1; performance.now() < endsAt; sequence++) {
      const askedAt = performance.now()
      const producer = { id, sequence, lowest: sequence }
      const { status } = await broker.append(channel, { event: 'said', data: DATA, history: HISTORY, producer })
      if (status !== 'appended') throw new Error(`Expected "appended", got "${status}".`)
      latencies.push(performance.now() - askedAt)
      // The memory broker answers without a turn of the event loop, and others may want one.
      if (sequence % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: appenders }, (_, index) => append(index)))
  const perSecond = (latencies.length / (performance.now() - startsAt)) * 1000
  await broker.close()
  latencies.sort((one, other) => one - other)
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2)
  return `${Math.round(perSecond)} (${at(0.5)}, ${at(0.99)})`
}
