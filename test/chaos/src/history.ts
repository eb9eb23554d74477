// What happened, written down by the process in which it happened: one JSON object per line, one file per process.
// Each line is one system call, so what was written before a SIGKILL is there after it.

import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A line of a history. `c` is the channel, `s` who sends, `n` the number of the message, `r` who reads. */
export type HistoryLine =
  /** About to be handed to the API. */
  | { readonly k: 'sent'; readonly c: string; readonly s: string; readonly n: number }
  /** The API said it is done; or took it, where it has nothing more to say. */
  | { readonly k: 'acked'; readonly c: string; readonly s: string; readonly n: number }
  /** The API said it failed. */
  | { readonly k: 'failed'; readonly c: string; readonly s: string; readonly n: number; readonly code: string }
  /** From here on this reader is to be told everything in the channel. */
  | { readonly k: 'reads'; readonly c: string; readonly r: string }
  /**
   * It reached its handler. `at` is its place in the log as the library calls it, where it does; `life` counts the lives of
   * a reader that may begin again from nothing.
   */
  | {
      readonly k: 'got'
      readonly c: string
      readonly r: string
      readonly s: string
      readonly n: number
      readonly at?: string
      readonly life?: number
    }
  /** The reader was told that something is missing here. */
  | { readonly k: 'gap'; readonly c: string; readonly r: string; readonly reason: string }

/** Opens the file of one process. */
export function openHistory(folder: string, processName: string): (line: HistoryLine) => void {
  const file = openSync(join(folder, `${processName}.jsonl`), 'a')
  return (line) => {
    writeSync(file, `${JSON.stringify(line)}\n`)
  }
}
