/** The cases on Deno. */
import { DENO } from '../src/runtimes.ts'
import { runtimeSuite } from '../src/suite.ts'

runtimeSuite(DENO, { entry: 'deno', honoEntry: 'deno-hono' })
