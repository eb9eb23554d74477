/** Tenants that have an object each: what is emitted reaches the right one, and whoever is let go is found in all of them. */
import { once } from 'node:events'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { createBundles } from '../src/bundle.ts'
import { startWorkerd } from '../src/workerd.ts'

const bundles = createBundles()

afterAll(() => bundles.remove())

interface Line {
  readonly t: string
  readonly d?: { readonly text: string }
  readonly code?: string
}

test('a connection reaches the channels of its object, and a revocation all of them', async () => {
  const { origin, close } = await startWorkerd({ file: await bundles.path('apps/sharded', 'workerd') })
  onTestFinished(close)
  const [red, blue] = await Promise.all(['red', 'blue'].map((tenant) => connect(origin, tenant)))
  const texts = (lines: readonly Line[] | undefined) => lines?.filter(({ t }) => t === 'ev').map(({ d }) => d?.text)

  await fetch(`${origin}/red/emit/one`, { method: 'POST' })
  await fetch(`${origin}/blue/emit/two`, { method: 'POST' })
  await expect.poll(() => [texts(red?.lines), texts(blue?.lines)]).toEqual([['one'], ['two']])

  await fetch(`${origin}/revoke/ann`, { method: 'POST' })
  const isLetGo = ({ lines }: { lines: readonly Line[] } = { lines: [] }) =>
    lines.some(({ code }) => code === 'unauthorized')
  await expect.poll(() => [isLetGo(red), isLetGo(blue)]).toEqual([true, true])
})

async function connect(origin: string, tenant: string): Promise<{ lines: Line[] }> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/${tenant}/rt`, 'triwire.v1')
  onTestFinished(() => socket.terminate())
  const lines: Line[] = []
  socket.on('message', (data) => {
    for (const line of String(data).split('\n')) lines.push(JSON.parse(line) as Line)
  })
  await once(socket, 'open')
  socket.send(JSON.stringify({ t: 'hello', v: 1, s: `session-of-${tenant}`.padEnd(22, '0'), k: 'ann' }))
  socket.send(JSON.stringify({ t: 'join', ch: `news?tenant=${tenant}`, j: 1 }))
  await expect.poll(() => lines.some(({ t }) => t === 'joined')).toBe(true)
  return { lines }
}
