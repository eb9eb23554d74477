/** A hand in the streams that is none of the broker's. */
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsServer } from '@triwire-test/services'

/** Connects, acts, and lets go. */
export async function withManager<TResult>(
  server: NatsServer,
  act: (manager: JetStreamManager) => Promise<TResult>,
): Promise<TResult> {
  const connection = await connect({ servers: server.url })
  try {
    return await act(await jetstreamManager(connection))
  } finally {
    await connection.close()
  }
}
