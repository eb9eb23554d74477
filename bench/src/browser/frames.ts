// What frames say: how many there were, and how many did not come when they were due.

import { median, quantile } from '../sample.ts'
import type { FrameReport } from './frame-watch.ts'

/** A frame that takes so many times as long as one of the page at rest stands for another that was dropped. */
const LATE = 1.5

/** Frames of a page. */
export type FrameFigures = {
  readonly framesPerSecond: number
  /** The part of all frames that came late. */
  readonly droppedShare: number
  readonly p99FrameMs: number
  readonly longTasks: number
  readonly longTasksMs: number
}

/** @param rest the same page while nothing happened */
export function frameFigures({ intervalsMs, longTasksMs }: FrameReport, rest: FrameReport): FrameFigures {
  const lateMs = median(rest.intervalsMs) * LATE
  return {
    framesPerSecond: (intervalsMs.length / sum(intervalsMs)) * 1000,
    droppedShare: intervalsMs.filter((interval) => interval > lateMs).length / intervalsMs.length,
    p99FrameMs: quantile(intervalsMs, 0.99),
    longTasks: longTasksMs.length,
    longTasksMs: sum(longTasksMs),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0)
}
