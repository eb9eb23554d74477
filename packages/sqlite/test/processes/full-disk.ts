/**
 * A process that may write no more than so many bytes to a file, until its parent lifts the limit and says so. Prints what
 * it finds as lines of JSON, and ends by itself.
 */
import { once } from 'node:events'
import { sqlite } from '../../src/index.ts'

const history = { keep: 100_000, ttlMs: 3_600_000, bytes: 1024 * 1024 * 1024 }
const trouble: string[] = []
const broker = sqlite({ path: process.argv[2] ?? '', onTrouble: (error) => trouble.push(String(error)) })
const delivered: string[] = []
const listener = { onSignal() {}, onPresence() {}, onInterrupted() {} }
await broker.subscribe('room', { ...listener, onEntry: ({ data }) => void delivered.push(data) })

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

/** Appends eight at a time, numbered `from` here, until one is not taken; returns what was. */
async function appendUntilRefused(
  from: number,
  most: number,
): Promise<{ taken: string[]; refused: string[]; codes: string[] }> {
  const taken: string[] = []
  const refused: string[] = []
  const codes = new Set<string>()
  for (let first = from; first < from + most && refused.length === 0; first += 8) {
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const data = JSON.stringify(`${first + index}${'x'.repeat(2000)}`)
        const producer = { id: `producer-${first + index}`, sequence: 1, lowest: 1 }
        try {
          await broker.append('room', { event: 'said', data, history, producer })
          taken.push(data)
        } catch (error) {
          codes.add((error as { code: string }).code)
          refused.push(data)
        }
      }),
    )
  }
  return { taken, refused, codes: [...codes] }
}

async function logged(): Promise<string[]> {
  const page = await broker.read('room', { tail: 100_000, limit: 100_000, bytes: 1024 * 1024 * 1024 })
  if (page.status !== 'page') throw new Error('Expected a page.')
  const isWhole = page.entries.every(({ cursor }, index) => cursor.offset === index + 1)
  if (!isWhole || page.head.offset !== page.entries.length) throw new Error('The log has a hole.')
  return page.entries.map(({ data }) => data)
}

const same = (one: readonly string[], other: readonly string[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other)

const first = await appendUntilRefused(1, 100_000)
// Readers do not care, also where somebody keeps trying.
const large = JSON.stringify('x'.repeat(40_000))
const again = broker.append('room', { event: 'said', data: large, history }).catch(({ code }) => code as string)
const [found, , code] = await Promise.all([logged(), logged(), again])
say({
  taken: first.taken.length,
  refused: first.refused.length,
  codes: [...first.codes, code],
  isLogTaken: same(found, first.taken),
  isDeliveredTaken: same(delivered, first.taken),
  trouble,
})

await once(process.stdin, 'data')
process.stdin.pause()
const second = await appendUntilRefused(1_000_001, 80)
const after = await logged()
say({
  taken: second.taken.length,
  refused: second.refused.length,
  isLogTaken: same(after, [...first.taken, ...second.taken]),
  isDeliveredTaken: same(delivered, after),
})
await broker.close()
