/** A server is mounted only once everything its contract needs is there. Compiled, never run. */
import { createRealtime } from '@triwire/server'
import { describe, test } from 'vitest'
import { z } from 'zod'
import { type Servable, triwire, webSocket } from '../src/index.ts'
import { api, nothing } from './api.ts'

const auth = () => ({ id: 'ann' })

describe('mounting', () => {
  test('takes a server that needs nothing more', () => {
    const realtime = createRealtime(api, { auth })
    triwire(realtime)
    webSocket(realtime)
    const servable: Servable = realtime
    triwire(servable)
  })

  test('does not compile while a command or a snapshot has no implementation', () => {
    const both = {
      channels: {
        jobs: { ...nothing, path: 'jobs', commands: { run: { input: z.null(), output: z.null() } } },
        board: { ...nothing, path: 'board/:id', snapshot: z.object({ pins: z.number() }) },
      },
    } as const
    const bare = createRealtime(both, { auth })
    // @ts-expect-error both are missing
    triwire(bare)
    // @ts-expect-error for sockets as well
    webSocket(bare)
    const half = bare.on('jobs', { commands: { run: () => null } })
    // @ts-expect-error one is missing
    triwire(half)
    triwire(half.on('board', { snapshot: () => ({ pins: 1 }) }))
  })
})
