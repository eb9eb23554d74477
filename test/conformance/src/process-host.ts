/**
 * A host in a process of its own. The child is given its `HostOptions` as JSON in its last argument, serves the app at `/rt`
 * and what acts on it from inside at `/inside` on a port of loopback, and writes that port to its output as the first line.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { StartHost } from './host.ts'
import { actInside } from './inside.ts'

/** How the child is started, beside its command. */
export interface ProcessOptions {
  /** Variables in addition to those of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Whether it starts processes of its own, which are ended with it. Not on Windows. */
  readonly hasChildren?: boolean
}

/** Characters kept of what a child says on its way to failing. */
const LAST_WORDS = 2000

/** Makes what starts such a host: `processHost('deno', ['run', '-A', file])`. */
export function processHost(
  command: string,
  args: readonly string[],
  { env, cwd, hasChildren = false }: ProcessOptions = {},
): StartHost {
  return async (options) => {
    const child = spawn(command, [...args, JSON.stringify(options)], {
      env: { ...process.env, ...env },
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: hasChildren,
    })
    const port = await readPort(child, command)
    const origin = `http://127.0.0.1:${port}`
    return { base: `${origin}/rt`, ...actInside(origin), close: () => end(child, hasChildren) }
  }
}

async function readPort(child: ChildProcess, command: string): Promise<number> {
  let said = ''
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString('utf8')).slice(-LAST_WORDS)
  }
  child.stderr?.on('data', listen)
  const lines = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })
  const failed = new Promise<never>((_, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => reject(new Error(`${command} ended with ${code ?? signal}. ${said}`)))
  })
  failed.catch(() => {})
  const [line] = (await Promise.race([once(lines, 'line'), failed])) as [string]
  if (!/^[0-9]+$/.test(line)) {
    await end(child, false)
    throw new Error(`The first line of ${command} should be its port, and is "${line}". ${said}`)
  }
  return Number(line)
}

async function end(child: ChildProcess, hasChildren: boolean): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  // Detached, it leads a group of its own: its children are in it.
  if (hasChildren && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  else child.kill('SIGKILL')
  await exited
}
