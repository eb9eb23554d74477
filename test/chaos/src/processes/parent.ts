// The parent's side of a child process: start it, call it, kill it.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { bundle } from '../bundle.mjs'
import type { Answer, Handlers } from './child.ts'

/** The name of a process: of the file it runs. */
export type ProcessName =
  | 'broker'
  | 'node'
  | 'triwire-client'
  | 'fleet'
  | 'stopwatch'
  | 'socket-io-server'
  | 'socket-io-client'

/** A running child, typed by what it serves. */
export interface Child<THandlers extends Handlers> {
  call<TName extends keyof THandlers & string>(
    name: TName,
    input: Parameters<THandlers[TName]>[0],
  ): Promise<Awaited<ReturnType<THandlers[TName]>>>
  /** SIGSTOP: it reads nothing and answers nothing, and its kernel acknowledges what it has room for. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
  /** SIGKILL: nothing is written, flushed or said. Resolves when it is gone. */
  kill(): Promise<void>
}

const children = new Set<ChildProcess>()
let bundled: ReturnType<typeof bundle> | undefined

/** Starts a process. The first call bundles them all, unless the command, which is bundled itself, has done so. */
export async function startChild<THandlers extends Handlers>(name: ProcessName): Promise<Child<THandlers>> {
  const folder = process.env.TRIWIRE_CHAOS_BUNDLE ?? (await bundleOnce()).folder
  const child = fork(join(folder, `${name}.mjs`), [], {
    execArgv: ['--expose-gc', '--enable-source-maps'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
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
    for (const [id, tell] of waiting) tell({ id, error: GONE })
    waiting.clear()
  })
  return {
    call: (call, input) =>
      new Promise((resolve, reject) => {
        if (!child.connected) {
          reject(new Error(GONE))
          return
        }
        const id = next++
        waiting.set(id, (answer) => {
          if ('error' in answer) reject(new Error(answer.error))
          else resolve(answer.value as never)
        })
        child.send({ id, name: call, input })
      }),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

function bundleOnce(): ReturnType<typeof bundle> {
  bundled ??= bundle()
  return bundled
}

/** What a call rejects with when its process is gone. */
export const GONE = 'The process is gone.'

/** Kills every child that is left and removes what was bundled. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...children].map(async (child) => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }),
  )
  ;(await bundled)?.remove()
  bundled = undefined
}
