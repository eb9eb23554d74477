/** Waiting for the reply of a command that runs elsewhere, where answers and what is published come in an unlucky order. */
import { missingRedis, startRedis } from '@triwire-test/services'
import { expect, onTestFinished, test, vi } from 'vitest'
import { LOOK } from '../src/command-scripts.ts'
import { Connection } from '../src/connection.ts'
import { redis } from '../src/index.ts'

test.skipIf(missingRedis)(
  'a reply that is told before an older look has its answer is not waited for',
  async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const broker = redis({ url: server.url })
    onTestFinished(() => broker.close())
    const claim = await broker.claim('room', 'a', 60_000)
    if (claim.status !== 'claimed') throw new Error('Nobody else claims it.')

    // The look behind the subscription finds it running. Its answer is held until the reply has been told.
    let told = (): void => {}
    const isTold = new Promise<void>((resolve) => {
      told = resolve
    })
    const { run, subscribe } = Connection.prototype
    vi.spyOn(Connection.prototype, 'subscribe').mockImplementation(function (this: Connection, channel, listener) {
      const listen = (message: string): void => {
        listener(message)
        told()
      }
      return subscribe.call(this, channel, listen)
    })
    let looks = 0
    vi.spyOn(Connection.prototype, 'run').mockImplementation(async function (this: Connection, script, ...rest) {
      const answer = await run.call(this, script, ...rest)
      if (script === LOOK && ++looks === 2) {
        await broker.settle('room', 'a', claim.fence, { ok: true, data: '1' }, 60_000)
        await isTold
      }
      return answer
    })
    onTestFinished(() => void vi.restoreAllMocks())

    expect(await broker.settled('room', 'a', 60_000)).toEqual({ status: 'settled', reply: { ok: true, data: '1' } })
    expect(looks).toBe(3)
  },
)
