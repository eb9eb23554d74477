// All scenarios, by the name they have on the command line, in the order they are printed.

import { fanout } from './fanout.ts'
import type { Scenario } from './scenario.ts'

export const SCENARIOS: Readonly<Record<string, Scenario>> = { fanout }
