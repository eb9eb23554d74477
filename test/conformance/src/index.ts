/** The cases, for tests that put something of their own around the server. */
export type { Front } from './fixture.ts'
export { conformanceSuite } from './suite.ts'
