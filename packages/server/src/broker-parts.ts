/**
 * What brokers are made of that keep something in this process's memory: `@triwire/server/broker-parts`. For adapters of
 * ours; what is here may change with any version.
 */
export type { MemoryChannel } from './memory-channel.ts'
export { type MemoryBrokerOptions, MemoryChannels } from './memory-channels.ts'
