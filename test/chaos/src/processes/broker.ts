// The broker's process.

import { type BrokerHost, startBrokerHost } from '../broker/broker-host.ts'
import { openHistory } from '../history.ts'
import { serveParent } from './child.ts'
import { recordAppends } from './record-appends.ts'

let host: BrokerHost

const handlers = {
  async start({ folder, life, port }: { folder: string; life: number; port?: number }): Promise<{ port: number }> {
    const write = openHistory(folder, `broker-${life}`)
    host = await startBrokerHost(port === undefined ? {} : { port }, (broker) => recordAppends(broker, write, life))
    return { port: host.port }
  },
}

/** What the parent may call. */
export type BrokerProcess = typeof handlers

serveParent(handlers)
