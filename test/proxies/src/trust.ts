/** Certificates that nobody has signed. */
import { afterAll, beforeAll, vi } from 'vitest'

/** Lets the tests of a file or block meet them: `fetch` of Node 20 can be told of none in another way once it runs. */
export function trustOurCertificates(): void {
  beforeAll(() => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  })
  afterAll(() => {
    vi.unstubAllEnvs()
  })
}
