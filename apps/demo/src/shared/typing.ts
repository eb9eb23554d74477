// "Ann is typing" over signals. A signal may be lost, so neither side relies on hearing "stopped": the writer repeats
// itself while keys are pressed, and the reader forgets a name that was not repeated.

const REPEAT_MS = 2_000
const IDLE_MS = 3_000
const FORGET_MS = 4_000

/** The reading side: who is typing now. */
export interface Typists {
  /** Takes what a signal said. */
  readonly hear: (name: string, on: boolean) => void
  /** Forgets everyone. */
  readonly clear: () => void
}

export function createTypists(onChange: (names: readonly string[]) => void): Typists {
  const timers = new Map<string, ReturnType<typeof setTimeout>>()
  const hear = (name: string, on: boolean): void => {
    clearTimeout(timers.get(name))
    if (on) timers.set(name, setTimeout(hear, FORGET_MS, name, false))
    else timers.delete(name)
    onChange([...timers.keys()])
  }
  const clear = (): void => {
    for (const name of [...timers.keys()]) hear(name, false)
  }
  return { hear, clear }
}

/** The writing side: turns keys into a few signals. */
export interface TypingNotifier {
  /** A key was pressed. */
  readonly keystroke: () => void
  /** The text was sent, or deleted. */
  readonly stop: () => void
}

export function createTypingNotifier(say: (on: boolean) => void): TypingNotifier {
  let saidAt: number | undefined
  let idle: ReturnType<typeof setTimeout> | undefined
  const stop = (): void => {
    clearTimeout(idle)
    if (saidAt !== undefined) say(false)
    saidAt = undefined
  }
  const keystroke = (): void => {
    clearTimeout(idle)
    idle = setTimeout(stop, IDLE_MS)
    if (saidAt !== undefined && Date.now() - saidAt < REPEAT_MS) return
    saidAt = Date.now()
    say(true)
  }
  return { keystroke, stop }
}
