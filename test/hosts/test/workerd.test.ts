/** The cases on a Worker with its Durable Object in workerd. */
import { WORKERD } from '../src/runtimes.ts'
import { workerdServers } from '../src/servers.ts'
import { runtimeSuite } from '../src/suite.ts'

const ENDS = 'an object is not asked to leave: the platform ends it, and its clients come back'

runtimeSuite(WORKERD, {
  entry: 'workerd',
  honoEntry: 'workerd-hono',
  serve: workerdServers,
  leaveOut: {
    'open-no-hello-in-time':
      'of a connection that the server closes the local runtime leaves TCP open, also behind a plain object',
    close: ENDS,
    'close-poll': ENDS,
    'close-refuses-newcomers': ENDS,
    drain: ENDS,
    'drain-poll': ENDS,
    'drain-refuses-newcomers': ENDS,
    'heartbeat websocket': 'the object sleeps: clients ask, and the platform answers (PROTOCOL.md §8.11)',
  },
})
