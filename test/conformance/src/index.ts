/** The cases, for tests that put something of their own around the server, or the server somewhere else. */
export type { Front } from './fixture.ts'
export type { Host, HostOptions, StartHost } from './host.ts'
export { actInside } from './inside.ts'
export { processHost } from './process-host.ts'
export { conformanceSuite } from './suite.ts'
