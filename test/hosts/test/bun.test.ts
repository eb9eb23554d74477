/** The cases on Bun. */
import { BUN } from '../src/runtimes.ts'
import { runtimeSuite } from '../src/suite.ts'

runtimeSuite(BUN, { entry: 'bun', honoEntry: 'bun-hono' })
