import { describe, expect, it } from 'vitest'
import { checkAllowedOrigins, checkOrigin } from '../src/origin.ts'

const OWN = 'api.example.com'
const ALLOWED = ['https://app.example.com', 'http://localhost:5173']

function check(headers: Record<string, string>, allowed: readonly string[] = ALLOWED): Record<string, string> {
  return checkOrigin(
    {
      method: 'POST',
      path: '/stream',
      search: '',
      query: new URLSearchParams(),
      headers: { host: OWN, ...headers },
      remoteAddress: undefined,
    },
    allowed,
  )
}

const refused = expect.objectContaining({ code: 'bad_origin' }) as Error

describe('the origin of a request', () => {
  it.each(ALLOWED)('may be %s, which is on the list, and is named back exactly', (origin) => {
    expect(check({ origin, 'sec-fetch-site': 'cross-site' })).toEqual({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
  })

  it.each([`https://${OWN}`, `http://${OWN}`])('may be %s, the own one, which needs no permission', (origin) => {
    const headers = check({ origin, 'sec-fetch-site': 'same-origin' })
    expect(headers).toEqual({ vary: 'Origin' })
  })

  it.each([{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }])(
    'may be missing: no browser, or one that says it is ours (%j)',
    (headers) => {
      expect(check(headers as Record<string, string>)).toEqual({})
    },
  )

  it.each([
    'null',
    '',
    '*',
    'https://evil.example',
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'https://sub.app.example.com',
    'https://app.example.com.',
    'https://app.example.com:443',
    'https://app.example.com:8443',
    'https://app.example.com/',
    'https://APP.example.com',
    'HTTPS://app.example.com',
    'http://app.example.com',
    'https://app.example.com@evil.example',
    'https://app.example.com, https://evil.example',
    'https://app\u0435.example.com'.replace('\u0435', 'e%'),
    'http://localhost:5174',
    'http://127.0.0.1:5173',
    `https://${OWN}.evil.example`,
    `https://${OWN}:8443`,
    `https://${OWN}.`,
    `https://${OWN.toUpperCase()}`,
    `ws://${OWN}`,
    'file://',
    'chrome-extension://abcdef',
  ])('must not be %j', (origin) => {
    expect(() => check({ origin })).toThrow(refused)
    expect(() => check({ origin, 'sec-fetch-site': 'same-origin' })).toThrow(refused)
  })

  it.each(['cross-site', 'same-site', 'nonsense', ''])(
    'must not be hidden by a browser that says %j, as forms, beacons and no-cors requests are',
    (site) => {
      expect(() => check({ 'sec-fetch-site': site })).toThrow(refused)
    },
  )

  it.each(['cross-site', 'same-site'])('is not taken for our own where the browser says %s', (site) => {
    expect(() => check({ origin: `https://${OWN}`, 'sec-fetch-site': site })).toThrow(refused)
  })

  it('is only the own one where nothing is allowed', () => {
    expect(() => check({ origin: 'https://app.example.com' }, [])).toThrow(refused)
    expect(check({ origin: `https://${OWN}` }, [])).toEqual({ vary: 'Origin' })
  })
})

describe('the list of origins', () => {
  it('takes origins as browsers write them', () => {
    expect(() =>
      checkAllowedOrigins(['https://a.example', 'http://localhost:3000', 'https://[::1]:3000']),
    ).not.toThrow()
  })

  it.each([
    '*',
    'null',
    'a.example',
    'https://a.example/',
    'https://A.example',
    'https://a.example:443',
    'https://*.a.example/x',
    '',
  ])('refuses %j, which no browser sends, and says what to write', (origin) => {
    expect(() => checkAllowedOrigins([origin])).toThrow(/Write scheme and host exactly/)
  })
})
