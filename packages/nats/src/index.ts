export { type NatsBrokerHandle, type NatsOptions, nats } from './nats.ts'
