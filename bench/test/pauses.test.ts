import { expect, test } from 'vitest'
import { PauseRecorder } from '../src/processes/pauses.ts'

test('collections are recorded with their lengths until they are asked for', async () => {
  const recorder = new PauseRecorder()
  recorder.start()
  // Garbage of more than the young generation holds.
  let kept: unknown[] = []
  for (let index = 0; index < 2_000_000; index++) {
    if (index % 100_000 === 0) kept = []
    kept.push({ index })
  }
  const { pausesMs } = await recorder.stop()
  expect(pausesMs.length).toBeGreaterThan(0)
  expect(pausesMs.every((ms) => ms > 0)).toBe(true)
})
