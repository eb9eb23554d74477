/** Cases that a proxy answers in a node's place, by the rules of HTTP and not of Triwire. */

/** Why each of them is left out, by its id. */
export const LEFT_OUT: Readonly<Record<'nginx' | 'HAProxy', Readonly<Record<string, string>>>> = {
  nginx: {
    'open-slow-body':
      'nginx passes a request on when it is complete: a slow body ends there, by client_body_timeout',
    'log-malformed-path': 'nginx answers a path with a broken percent escape itself, with its own 400',
  },
  HAProxy: {
    'flood-unread':
      'what a client does not read waits in the buffers of HAProxy and of one connection more, so the node may see no congestion',
  },
}
