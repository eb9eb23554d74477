// The parent's side of the processes of a measurement: the server on one core, the load on another. What they serve is
// typed by what they export; the messages are those of the chaos runs.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Answer, Handlers } from '@triwire-test/chaos/processes/child'
import { OPEN_FILES, taskset } from '../machine.ts'

/** A running child. */
export interface Child<THandlers extends Handlers> {
  /** Calls one of its functions. Rejects when the process goes before it has answered. */
  call<TName extends keyof THandlers & string>(
    name: TName,
    input: Parameters<THandlers[TName]>[0],
  ): Promise<Awaited<ReturnType<THandlers[TName]>>>
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
}

/** How a process is started. */
export interface StartOptions {
  /** The core it is pinned to, where the machine can do that. */
  readonly core: number
  /** The program that runs it; Node unless a peer is made for another. */
  readonly runtime?: string | undefined
  /** Gives way to whatever else runs on its core. */
  readonly yields?: boolean
}

/** The lowest priority there is: on Linux about a hundredth of the core where something else wants it. */
const NICE = ['nice', '-n', '19']

const children = new Set<ChildProcess>()

/** Starts one of the processes there are. */
export function startChild<THandlers extends Handlers>(
  name: 'server' | 'load' | 'visitors' | 'attacker' | 'browser',
  { core, runtime, yields = false }: StartOptions,
): Child<THandlers> {
  const program = [...(yields ? NICE : []), runtime ?? process.execPath]
  if (runtime === undefined) program.push('--expose-gc', '--enable-source-maps')
  program.push(join(process.env.TRIWIRE_BENCH_BUNDLE ?? '', `${name}.mjs`))
  // `exec` all the way down, so the process we know is the process that is measured, and inherits the channel.
  const child = spawn('sh', ['-c', `ulimit -n ${OPEN_FILES}; exec "$@"`, 'sh', ...taskset(core), ...program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'json',
    env: { ...process.env, NODE_ENV: 'production' },
  })
  children.add(child)
  const waiting = new Map<number, (answer: Answer) => void>()
  let next = 1
  child.on('message', (message) => {
    const answer = message as Answer
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  const gone = once(child, 'exit').then(() => {
    children.delete(child)
    for (const [id, tell] of waiting) tell({ id, error: `The process "${name}" is gone.` })
    waiting.clear()
  })
  return {
    call: (call, input) =>
      new Promise((resolve, reject) => {
        const id = next++
        waiting.set(id, (answer) => {
          if ('error' in answer) reject(new Error(answer.error))
          else resolve(answer.value as never)
        })
        child.send({ id, name: call, input: input ?? null }, (error) => {
          if (error === null) return
          waiting.delete(id)
          reject(error)
        })
      }),
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Kills every child that is left. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...children].map(async (child) => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }),
  )
}
