/** The cases on edge-runtime, as an example of every platform that turns requests into responses. */
import { EDGE_RUNTIME } from '../src/runtimes.ts'
import { runtimeSuite } from '../src/suite.ts'

runtimeSuite(EDGE_RUNTIME, {
  entry: 'fetch',
  honoEntry: 'fetch-hono',
  leaveOut: { 'open-unknown-subprotocol': 'ends with an upgrade that is made, and edge-runtime makes none' },
  withoutWires: { websocket: 'edge-runtime has no WebSocket' },
})
