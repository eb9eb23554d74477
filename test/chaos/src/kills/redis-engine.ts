// Redis in a long run: with its file or without, and as a pair whose replica takes over although it is behind.

import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { type RedisServer, type Relay, startRedis, startRelay } from '@triwire-test/services'
import type { Engine } from './engine.ts'

/** Written to the file before an answer is sent: a process that is killed has lost nothing. */
const WITH_FILE = ['--appendonly', 'yes', '--appendfsync', 'everysec']
/** Milliseconds a store is away. */
const AWAY_MS = 300
/** Milliseconds a replica is behind when it takes over. */
const BEHIND_MS = 200

/** Messages a client may publish a second. */
const RATE = 130

/** One Redis that is killed and begins again from its file; without one, from nothing. */
export async function redisEngine({ hasFile }: { hasFile: boolean }): Promise<Engine> {
  const server = await startRedis(hasFile ? WITH_FILE : [])
  return {
    name: hasFile ? 'Redis, AOF' : 'Redis, no file',
    port: server.port,
    nodes: 3,
    forgets: !hasFile,
    rate: RATE,
    blows: [
      {
        name: 'Redis killed',
        kills: 1,
        strike: async () => {
          await server.kill()
          await sleep(AWAY_MS)
          await server.restart()
        },
      },
    ],
    spec: (port) => ({ kind: 'redis', url: `redis://127.0.0.1:${port}` }),
    stop: () => server.stop(),
  }
}

/** A master and a replica. The master is killed while the replica lags, and the replica goes on without the tail. */
export async function redisPairEngine(): Promise<Engine> {
  let master = await startRedis()
  let replica = await startReplica(master)
  return {
    name: 'Redis, failover',
    get port() {
      return master.port
    },
    nodes: 3,
    forgets: true,
    rate: RATE,
    blows: [
      {
        name: 'failover without the tail',
        kills: 1,
        strike: async () => {
          replica.line.silence()
          await sleep(BEHIND_MS)
          const old = master
          await old.kill()
          await ask(replica.server, ['REPLICAOF', 'NO', 'ONE'])
          await replica.line.close()
          master = replica.server
          await old.stop()
          replica = await startReplica(master)
        },
      },
    ],
    spec: (port) => ({ kind: 'redis', url: `redis://127.0.0.1:${port}` }),
    stop: async () => {
      await replica.server.stop()
      await replica.line.close()
      await master.stop()
    },
  }
}

/** Starts a replica, over a line that can fall silent, and waits until it has everything. */
async function startReplica(master: RedisServer): Promise<{ readonly server: RedisServer; readonly line: Relay }> {
  const line = await startRelay(master.port)
  const server = await startRedis([
    '--replicaof',
    '127.0.0.1',
    String(line.port),
    '--repl-diskless-sync-delay',
    '0',
  ])
  while (!String(await ask(server, ['INFO', 'replication'])).includes('master_link_status:up')) await sleep(50)
  return { server, line }
}

async function ask(server: RedisServer, command: string[]): Promise<unknown> {
  const client = createClient({ url: server.url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await client.sendCommand(command)
  } finally {
    client.destroy()
  }
}
