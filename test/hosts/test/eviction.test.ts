/** An object that is taken out of memory again and again, and clients that must not notice. */
import { endAll } from '@triwire-test/chaos/processes/parent'
import { afterAll, expect, test } from 'vitest'
import type { ChildOptions } from '../src/apps/app.ts'
import { createBundles } from '../src/bundle.ts'
import { evictions, runChaos } from '../src/chaos-run.ts'
import { hostOn, NEWEST_WORKERD } from '../src/runtimes.ts'

const bundles = createBundles()

afterAll(async () => {
  await endAll()
  bundles.remove()
})

test('clients of an object that is taken out of memory between messages miss nothing, and stay connected', {
  timeout: 120_000,
}, async () => {
  const start = hostOn(NEWEST_WORKERD, 'restless', bundles)
  let count = 0
  const report = await runChaos(
    (given) => {
      const options: ChildOptions = { ...given, isEvictable: true }
      return start(options)
    },
    // An object lets go a second after it has written something.
    { wires: ['websocket'], forMs: 20_000, everyMs: 2500, disturb: evictions(10, () => count++) },
  )
  const { verdicts, late, upgrades } = report
  console.log(`${count} evictions, ${upgrades} WebSockets opened, ${JSON.stringify(verdicts)}`)
  expect(late).toEqual([])
  expect(count).toBeGreaterThan(2)
  expect(upgrades).toBe(2)
  expect(verdicts).toHaveLength(4)
  const none = { lost: 0, duplicated: 0, reordered: 0, strange: 0, failed: 0 }
  for (const { delivered, gaps, lost, duplicated, reordered, strange, failed } of verdicts) {
    expect({ lost, duplicated, reordered, strange, failed }).toEqual(none)
    expect(gaps).toEqual([])
    expect(delivered).toBeGreaterThan(5)
  }
})
