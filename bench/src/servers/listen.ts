// Listening on a free port of 127.0.0.1.

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Connections the kernel may hold until they are accepted: the load opens some hundreds at once. */
const BACKLOG = 4096

/** @returns the port */
export async function listen(server: Server): Promise<number> {
  server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
