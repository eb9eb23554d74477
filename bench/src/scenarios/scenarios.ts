// All scenarios, by the name they have on the command line, in the order they are printed.

import { browser } from './browser.ts'
import { channels } from './channels.ts'
import { command } from './command.ts'
import { connect } from './connect.ts'
import { fanout } from './fanout.ts'
import { flood } from './flood.ts'
import { ingest } from './ingest.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { pauses } from './pauses.ts'
import { presence } from './presence.ts'
import { replay } from './replay.ts'
import { restart } from './restart.ts'
import type { Scenario } from './scenario.ts'

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  fanout,
  latency,
  memory,
  connect,
  ingest,
  command,
  replay,
  restart,
  channels,
  presence,
  pauses,
  flood,
  browser,
}
