import { TriwireError } from '@triwire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Gate } from '../src/gate.ts'
import type { AuthRequest } from '../src/identity.ts'
import { createLog } from './hub-stage.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function createGate(auth: (request: AuthRequest) => unknown, principal?: (user: unknown) => string) {
  const log = createLog()
  const spy = vi.fn(auth)
  return { gate: new Gate({ auth: spy, principal, deadlineMs: 1000, logger: log }), auth: spy, log }
}

const none = {}

describe('the gate', () => {
  it('makes an identity of what auth returns', async () => {
    const { gate } = createGate(() => ({ id: 7, name: 'Ann' }))
    expect(await gate.authenticate('t', none)).toEqual({
      user: { id: 7, name: 'Ann' },
      principal: '7',
      expiresAt: undefined,
    })
  })

  it('names the principal as the app says', async () => {
    const { gate } = createGate(
      () => ({ mail: 'ann@x.test' }),
      (user) => (user as { mail: string }).mail,
    )
    expect((await gate.authenticate('t', none)).principal).toBe('ann@x.test')
  })

  it.each([null, undefined, false, 0, ''])('refuses where auth returns %j', async (user) => {
    const { gate } = createGate(() => user)
    await expect(gate.authenticate('t', none)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  it.each([
    ['throws', () => Promise.reject(new Error('the database at 10.0.0.7 is down'))],
    [
      'throws at once',
      () => {
        throw new Error('the database at 10.0.0.7 is down')
      },
    ],
  ])('is unavailable where auth %s, logs it and gives nothing away', async (_how, auth) => {
    const { gate, log } = createGate(auth)
    const error: unknown = await gate.authenticate('secret', none).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'unavailable', retryMs: expect.any(Number) })
    expect((error as Error).message).not.toMatch(/10\.0|database|secret/)
    expect(log.entries).toHaveLength(1)
    expect(JSON.stringify(log.entries)).not.toContain('secret')
  })

  it('is unavailable where auth does not come to an end', async () => {
    const { gate } = createGate(() => new Promise(() => {}))
    const refused = expect(gate.authenticate('t', none)).rejects.toMatchObject({ code: 'unavailable' })
    await vi.advanceTimersByTimeAsync(1000)
    await refused
    expect(vi.getTimerCount()).toBe(0)
  })

  it('passes on what auth throws for the client', async () => {
    const { gate, log } = createGate(() => {
      throw new TriwireError('forbidden', 'Your account is locked.')
    })
    await expect(gate.authenticate('t', none)).rejects.toMatchObject({ code: 'forbidden' })
    expect(log.entries).toEqual([])
  })

  it('takes a bearer token where hello has none, and the one in hello first', async () => {
    const { gate, auth } = createGate(({ token }) => token)
    const headers = { authorization: 'bearer  abc' }
    expect((await gate.authenticate(undefined, headers)).user).toBe('abc')
    expect((await gate.authenticate('hello', headers)).user).toBe('hello')
    expect(auth).toHaveBeenCalledTimes(2)
  })

  it('remembers what was verified for a minute', async () => {
    const { gate, auth } = createGate(({ token }) => token)
    await gate.authenticate('t', none)
    await vi.advanceTimersByTimeAsync(59_000)
    await gate.authenticate('t', none)
    expect(auth).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1000)
    await gate.authenticate('t', none)
    expect(auth).toHaveBeenCalledTimes(2)
  })

  it('does not take one cookie or token for another', async () => {
    const { gate, auth } = createGate(({ token, headers }) => `${token} ${headers.get('cookie')}`)
    const users = [
      await gate.authenticate('a', { cookie: 'b' }),
      await gate.authenticate('b', { cookie: 'a' }),
      await gate.authenticate('a', none),
      await gate.authenticate(undefined, { cookie: 'a' }),
    ]
    expect(new Set(users.map(({ principal }) => principal)).size).toBe(4)
    expect(auth).toHaveBeenCalledTimes(4)
  })

  it('does not remember refusals, nor requests that prove themselves by something else', async () => {
    const { gate, auth } = createGate(({ token }) => (token === 'bad' ? null : 'somebody'))
    for (let count = 0; count < 2; count++) {
      await gate.authenticate('bad', none).catch(() => {})
      await gate.authenticate(undefined, none)
    }
    expect(auth).toHaveBeenCalledTimes(4)
  })

  it('does not take one user for another who differ in a header of a proxy only', async () => {
    const { gate } = createGate(({ headers }) => headers.get('x-user'))
    const ann = { 'x-user': 'ann', cookie: 'theme=dark' }
    const bob = { 'x-user': 'bob', cookie: 'theme=dark' }
    expect((await gate.authenticate(undefined, ann)).user).toBe('ann')
    expect((await gate.authenticate(undefined, bob)).user).toBe('bob')
  })

  it('remembers no longer than the token lasts, and refuses one that is over', async () => {
    const { gate, auth } = createGate(({ expireAt }) => {
      expireAt(new Date(Date.now() + 10_000))
      return 'ann'
    })
    const { expiresAt } = await gate.authenticate('t', none)
    expect(expiresAt).toBe(Date.now() + 10_000)
    await vi.advanceTimersByTimeAsync(10_000)
    await gate.authenticate('t', none)
    expect(auth).toHaveBeenCalledTimes(2)
    const over = createGate(({ expireAt }) => {
      expireAt(Date.now())
      return 'ann'
    })
    await expect(over.gate.authenticate('t', none)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  it('refuses a token that ran out while auth was looking at it', async () => {
    const { gate } = createGate(({ expireAt }) => {
      expireAt(Date.now() + 5)
      vi.setSystemTime(Date.now() + 5)
      return 'ann'
    })
    await expect(gate.authenticate('t', none)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  it('takes an end that is no time for a mistake of auth, not for "never"', async () => {
    const { gate, log } = createGate(({ expireAt }) => {
      expireAt(new Date('tomorrow-ish'))
      return 'ann'
    })
    await expect(gate.authenticate('t', none)).rejects.toMatchObject({ code: 'unavailable' })
    expect(log.entries).toHaveLength(1)
  })

  it('remembers ten thousand at most', async () => {
    const { gate, auth } = createGate(({ token }) => token)
    for (let count = 0; count <= 10_000; count++) await gate.authenticate(`t${count}`, none)
    auth.mockClear()
    await gate.authenticate('t10000', none)
    expect(auth).not.toHaveBeenCalled()
    await gate.authenticate('t0', none)
    expect(auth).toHaveBeenCalledTimes(1)
  })
})
