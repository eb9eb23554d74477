import { expect, test } from 'vitest'
import type { FrameReport } from '../src/browser/frame-watch.ts'
import { frameFigures } from '../src/browser/frames.ts'

const report = (intervalsMs: readonly number[], longTasksMs: readonly number[] = []): FrameReport => ({
  intervalsMs,
  longTasksMs,
})

test('a frame is late where it takes longer than one and a half at rest, however long those are', () => {
  const intervals = [10, 14, 16, 30]
  expect(frameFigures(report(intervals), report([10, 10, 11])).droppedShare).toBe(0.5)
  expect(frameFigures(report(intervals), report([20, 20, 21])).droppedShare).toBe(0)
})

test('frames a second and long tasks are of the whole time', () => {
  const figures = frameFigures(report([10, 10, 20], [60, 50]), report([10]))
  expect(figures).toMatchObject({ framesPerSecond: 75, longTasks: 2, longTasksMs: 110 })
})
