/** A Worker that serves no clients emits to the objects of another one. */
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { createBundles } from '../src/bundle.ts'
import { startWorkerd } from '../src/workerd.ts'

const bundles = createBundles()

afterAll(() => bundles.remove())

test('what another Worker emits is in the log of the object, and both see it', async () => {
  const { origin, askOther, close } = await startWorkerd({
    file: await bundles.path('apps/sleeper', 'workerd'),
    other: await bundles.path('apps/emitter', 'workerd'),
  })
  onTestFinished(close)
  expect(await (await fetch(`${origin}/emit?n=1`)).json()).toBeNull()
  // What the first one has emitted is there as well.
  expect(await askOther('/?n=2')).toEqual([1, 2])
})
