/** Cases that a proxy answers in a node's place, or whose premise it takes away. */

/** What a proxy and the second connection behind it hold is more than the case makes. */
const SWALLOWED =
  'what a client does not read may fit into buffers on the way, and then the node sees no congestion'

/** Why each of them is left out, by its id. */
export const LEFT_OUT: Readonly<Record<'nginx' | 'HAProxy', Readonly<Record<string, string>>>> = {
  nginx: {
    'open-slow-body':
      'nginx passes a request on when it is complete: a slow body ends there, by client_body_timeout',
    'log-malformed-path': 'nginx answers a path with a broken percent escape itself, with its own 400',
    'flood-unread': SWALLOWED,
  },
  HAProxy: {
    'flood-unread': SWALLOWED,
  },
}
