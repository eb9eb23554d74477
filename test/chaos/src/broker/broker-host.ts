// The broker as a process of its own: `memory()` behind a loopback socket, so that a node that is killed takes nothing
// with it. For tests only: no authentication, no bounds, no back-pressure towards the nodes.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import {
  type Broker,
  type BrokerSubscription,
  type MemoryBrokerOptions,
  memory,
  TriwireError,
} from '@triwire/server'
import { type BrokerNotice, type BrokerRequest, OPERATIONS, readLines } from './broker-lines.ts'

/** A running host. */
export interface BrokerHost {
  readonly port: number
  /** Cuts every node off; they come back by themselves. */
  disconnectAll(): void
  /** Loses everything, as an empty disk would: the next life has other epochs. */
  forget(): Promise<void>
  close(): Promise<void>
}

/** Starts a host. @param watch sees every broker it makes, to record what is appended */
export async function startBrokerHost(
  options: MemoryBrokerOptions & { readonly port?: number } = {},
  watch: (broker: Broker) => Broker = (broker) => broker,
): Promise<BrokerHost> {
  let broker = watch(memory(options))
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, () => broker)
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const disconnectAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    disconnectAll,
    async forget() {
      const before = broker
      broker = watch(memory(options))
      disconnectAll()
      await before.close()
    },
    async close() {
      server.close()
      disconnectAll()
      await broker.close()
    },
  }
}

function serve(socket: Socket, broker: () => Broker): void {
  const subscriptions = new Map<number, Promise<BrokerSubscription>>()
  const write = (notice: BrokerNotice): void => {
    if (socket.writable) socket.write(`${JSON.stringify(notice)}\n`)
  }
  const run = async (request: BrokerRequest): Promise<unknown> => {
    if (request.op === 'subscribe') {
      const [sub, channel] = request.args
      const subscription = broker().subscribe(channel, {
        onEntry: (entry) => write({ sub, entry }),
        onSignal: (signal) => write({ sub, signal }),
        onPresence: (presence) => write({ sub, presence }),
        // A broker in this process never misses anything; the line between is the adapter's business.
        onInterrupted: () => {},
      })
      subscriptions.set(sub, subscription)
      return (await subscription).head
    }
    if (request.op === 'unsubscribe') {
      const [sub] = request.args
      const subscription = subscriptions.get(sub)
      subscriptions.delete(sub)
      return await (await subscription)?.close()
    }
    if (!OPERATIONS.includes(request.op)) throw new TriwireError('not_found', `No operation "${request.op}".`)
    const operate = broker()[request.op] as (...args: readonly unknown[]) => Promise<unknown>
    return await operate.apply(broker(), [...request.args])
  }
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const subscription of subscriptions.values())
      subscription.then((made) => made.close()).catch(() => undefined)
  })
  readLines(socket, (line) => {
    const request = line as BrokerRequest
    run(request).then(
      (value) => write({ id: request.id, value }),
      (error: unknown) => {
        const { code, message } =
          error instanceof TriwireError ? error : new TriwireError('unavailable', String(error))
        write({ id: request.id, error: { code, message } })
      },
    )
  })
}
