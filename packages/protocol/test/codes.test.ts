import { describe, expect, test } from 'vitest'
import { adviceFor, CODES, type Code, closeCodeFor, isCode, statusFor, TriwireError } from '../src/index.ts'

const codes = Object.keys(CODES) as Code[]

describe('a code', () => {
  test.each(codes)('%s has an HTTP status, a close code and an advice', (code) => {
    expect(isCode(code)).toBe(true)
    expect(statusFor(code)).toSatisfy((status: number) => status === 200 || (status >= 400 && status < 600))
    // RFC 6455 §7.4: what an endpoint may send.
    expect(closeCodeFor(code)).toSatisfy(
      (close: number) =>
        [1000, 1001, 1003, 1008, 1009, 1011, 1013].includes(close) || (close >= 4000 && close < 5000),
    )
    expect(adviceFor(code)).toMatch(/^(retry|reauthenticate|stop)$/)
    const retryMs = adviceFor(code) === 'retry' ? 0 : undefined
    expect(new TriwireError(code, '', { retryMs }).advice).toBe(adviceFor(code))
  })

  test.each(['', 'of_tomorrow', '__proto__', 'constructor', 'hasOwnProperty', 'BAD_LINE'])(
    'that is unknown (%j) is not retried',
    (code) => {
      expect(isCode(code)).toBe(false)
      expect(adviceFor(code)).toBe('stop')
    },
  )

  test.each([undefined, null, 5, {}, ['closed']])('that is no string (%j) is no code', (value) => {
    expect(isCode(value)).toBe(false)
  })

  test('that asks to stop or to sign in again is never retried', () => {
    expect(adviceFor('forbidden')).toBe('stop')
    expect(adviceFor('unauthorized')).toBe('reauthenticate')
    expect(adviceFor('rate_limited')).toBe('retry')
    expect(adviceFor('sequence_gap')).toBe('retry')
  })
})

describe('an error', () => {
  test('carries its code, its patience and its cause', () => {
    const cause = new Error('cause')
    const error = new TriwireError('rate_limited', 'Slow down.', { retryMs: 5, cause })
    expect(error).toMatchObject({ name: 'TriwireError', code: 'rate_limited', retryMs: 5, cause, advice: 'retry' })
    expect(new TriwireError('closed', '').cause).toBeUndefined()
  })
})
