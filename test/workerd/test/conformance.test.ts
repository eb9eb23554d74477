/** The cases against a Worker and a Durable Object in workerd. */
import { actInside, conformanceSuite } from '@triwire-test/conformance'
import { bundleWorker } from '../src/bundle.ts'
import { startWorkerd } from '../src/workerd.ts'

const ENDS = 'an object is not asked to leave: the platform ends it, and its clients come back'
const TELLS = 'streams of this host tell what they have buffered, so nobody is asked'
const GONE = 'the runtime notices that the client of a response is gone when it writes to it'

let script: Promise<string> | undefined

conformanceSuite('Cloudflare (workerd)', {
  startHost: async ({ limits }) => {
    script ??= bundleWorker('conformance-worker.ts')
    const { origin, close } = await startWorkerd({ script: await script, bindings: { LIMITS: limits } })
    return { base: `${origin}/rt`, ...actInside(origin), close }
  },
  leaveOut: {
    'open-no-hello-in-time':
      'after its closing handshake the local runtime leaves the connection open until the object sleeps',
    'flood-unread': 'open: its client is not let go within the time of the case; the reason is not known yet',
    close: ENDS,
    'close-poll': ENDS,
    'close-refuses-newcomers': ENDS,
    drain: ENDS,
    'drain-poll': ENDS,
    'drain-refuses-newcomers': ENDS,
    'marks sse': TELLS,
    'marks-unanswered sse': TELLS,
    'marks-silence sse': TELLS,
    'heartbeat websocket': 'the object sleeps: clients ask, and the platform answers (PROTOCOL.md §8.11)',
    'presence-gone sse': GONE,
    'presence-gone polling': GONE,
  },
})
