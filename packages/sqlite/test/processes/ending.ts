/** A process that uses a broker in every way, closes it where it is told to, and has nothing else that keeps it alive. */
import { sqlite } from '../../src/index.ts'

const [path = '', isClosing] = process.argv.slice(2)
const broker = sqlite(path)
await broker.subscribe('room', { onEntry() {}, onSignal() {}, onPresence() {}, onInterrupted() {} })
const hold = { member: 'ann', holder: 'one', value: { data: '1', sequence: 1 }, leaseMs: 60_000 }
await broker.hold('room', hold, { maxMembers: 2 })
await broker.append('room', { event: 'said', data: '1', history: { keep: 9, ttlMs: 60_000, bytes: 9 } })
await broker.claim('room', 'id', 60_000)
const wait = broker.settled('room', 'id', 60_000)
if (isClosing) {
  await broker.read('room', { limit: 0, bytes: 0 })
  await broker.close()
  console.log((await wait).status)
} else console.log('open')
