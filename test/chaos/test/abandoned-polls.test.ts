// Polls that are given up at every stage: their connections, and what the server held for them, are gone afterwards.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { NodeProcess } from '../src/processes/node.ts'
import { endAll, startChild } from '../src/processes/parent.ts'

/** `POLLS=10000 npx vitest run --project test-chaos abandoned` for more. */
const POLLS = Number(process.env.POLLS ?? 3000)
const AT_ONCE = 50
/** A poll that leaves even this much behind is a leak; what the process has besides grows by less than all of them. */
const LEAK_BYTES = 512

afterAll(endAll)

type Stage = 'inside the body' | 'at once' | 'while held'
const STAGES: readonly Stage[] = ['inside the body', 'at once', 'while held']

async function abandonPoll(port: number, index: number): Promise<void> {
  const session = `abandoned-${String(index % 100).padStart(12, '0')}`
  const body = [
    { t: 'hello', v: 1, s: session, wait: 20_000 },
    { t: 'join', ch: `down?run=${index % 10}`, j: 1, after: undefined, tail: 0 },
  ]
    .map((line) => JSON.stringify(line))
    .join('\n')
  const head = `POST /rt/poll HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const stage = STAGES[index % STAGES.length] as Stage
  await once(socket, 'connect')
  const text = stage === 'inside the body' ? head + body.slice(0, 20) : head + body
  await new Promise((resolve) => socket.write(text, resolve))
  // The head of the answer comes with the hold; its end would come 20 s later.
  if (stage === 'while held') await once(socket, 'data')
  socket.destroy()
}

test(`${POLLS} polls that are abandoned before, at and after their answer has begun leave nothing behind`, {
  timeout: 60_000 + POLLS * 20,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-chaos-'))
  const node = await startChild<NodeProcess>('node')
  const { port } = await node.call('start', { folder, name: 'node' })
  const abandon = async (count: number): Promise<number> => {
    for (let first = 0; first < count; first += AT_ONCE)
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => abandonPoll(port, first + index)))
    await expect.poll(async () => (await node.call('memory', undefined)).sockets, { timeout: 30_000 }).toBe(0)
    return (await node.call('memory', undefined)).bytes
  }
  const before = await abandon(1000)
  const after = await abandon(POLLS)
  expect(after - before).toBeLessThan(POLLS * LEAK_BYTES)
  await node.kill()
  rmSync(folder, { recursive: true, force: true })
})
