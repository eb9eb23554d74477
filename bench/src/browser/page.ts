// The page in which a client is measured: functions that the process of the browser calls.

import { messageAt } from '../message.ts'
import { App } from './app.ts'
import { installFedSocket } from './fed-socket.ts'
import { FEEDERS, type Feeder } from './feeders.ts'
import { type FrameReport, FrameWatch } from './frame-watch.ts'
import { READERS, type ReaderName } from './readers.ts'

/** Whom the page follows. */
export interface Opening {
  readonly reader: ReaderName
  /** The origin of the server; undefined where the page itself feeds its client. */
  readonly server?: string | undefined
}

/** Messages that the page feeds its client. */
export interface Feeding {
  readonly messages: number
  /** Messages of one tick, said in one turn of the event loop. */
  readonly perTick: number
}

/** What came of a stream. */
export interface StreamReport extends FrameReport {
  /** From the first event to the last. */
  readonly durationMs: number
}

/** Milliseconds in which the client must have joined. */
const OPENING_MS = 10_000

const app = new App()
let say: (text: string) => void = () => {}
let feeder: Feeder | undefined
let said = 0
let ticks: (readonly string[])[] = []
let watch: FrameWatch

const functions = {
  async open({ reader, server }: Opening): Promise<void> {
    if (server === undefined) feeder = FEEDERS[reader]
    if (feeder !== undefined) say = installFedSocket(feeder)
    const follow = await READERS[reader]()
    const late = sleep(OPENING_MS).then(() => {
      throw new Error(`The page does not follow the server after ${OPENING_MS} ms.`)
    })
    await Promise.race([follow(app, server ?? location.origin), late])
  },

  /** What frames are like while nothing happens. */
  async rest(forMs: number): Promise<FrameReport> {
    const watch = new FrameWatch()
    await sleep(forMs)
    return watch.stop()
  },

  /** Makes everything that will be fed, so that making it is not measured along. */
  prepare({ messages, perTick }: Feeding): void {
    ticks = []
    for (let tick = 0; tick < messages / perTick; tick++) {
      const texts = Array.from({ length: perTick }, (_, index) => messageAt(said + index))
      ticks.push(feeder?.frames(texts, said + 1) ?? [])
      said += perTick
    }
  },

  /** Watches what a stream of so many messages does to the page. */
  expect(messages: number): void {
    app.expect(messages)
    watch = new FrameWatch()
  },

  /** Feeds what was prepared. Ticks come when they are due; one that is late moves those behind it. */
  feed(everyMs: number): Promise<void> {
    return new Promise((resolve) => {
      let due = performance.now()
      let next = 0
      // By hand, because what runs behind an `await` is counted as no script's.
      const tick = (): void => {
        const frames = ticks[next++]
        if (frames === undefined) {
          resolve()
          return
        }
        for (const frame of frames) say(frame)
        due = Math.max(due + everyMs, performance.now())
        setTimeout(tick, due - performance.now())
      }
      setTimeout(tick)
    })
  },

  async taken(boundMs: number): Promise<StreamReport> {
    await app.taken(boundMs)
    return { durationMs: app.lastAt - app.firstAt, ...watch.stop() }
  },
}

/** What may be called in the page. */
export type PageFunctions = typeof functions

Object.assign(globalThis, { page: functions })

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
