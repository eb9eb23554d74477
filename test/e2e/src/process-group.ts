/** A program with everything it starts, as one group: signalled together, and ended by its own handle. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Milliseconds a group has to end by itself. */
const PATIENCE_MS = 5000

/** A running group. */
export interface ProcessGroup {
  readonly child: ChildProcess
  signal(name: NodeJS.Signals): void
  /** Ends it; resolves when the first of them is gone. */
  stop(): Promise<void>
}

/** Starts one. `env` is beside the environment of the tests. */
export function startGroup(
  command: string,
  args: readonly string[],
  stdio: StdioOptions,
  env: Readonly<Record<string, string>> = {},
): ProcessGroup {
  const child = spawn(command, args, { stdio, env: { ...process.env, ...env }, detached: true })
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, name)
    } catch {
      // All of them are gone.
    }
  }
  // A test run that is ended from outside stops nothing in an orderly way.
  const end = (): void => signal('SIGKILL')
  process.once('exit', end)
  const ended = once(child, 'exit').finally(() => process.off('exit', end))
  return {
    child,
    signal,
    async stop() {
      signal('SIGTERM')
      const timer = setTimeout(end, PATIENCE_MS)
      await ended
      clearTimeout(timer)
      end()
    },
  }
}
