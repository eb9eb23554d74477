/** The cases on a newer Node than the one that runs the tests, which has them in `test/conformance`. */
import { NEWER_NODE } from '../src/runtimes.ts'
import { runtimeSuite } from '../src/suite.ts'

runtimeSuite(NEWER_NODE, { entry: 'node-hono' })
runtimeSuite({ ...NEWER_NODE, name: `${NEWER_NODE.name}, before the router` }, { entry: 'node-before-router' })
