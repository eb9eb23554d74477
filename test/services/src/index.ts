/** What tests start beside the product: stores, and what stands between them and their clients. */
export { freePort } from './free-port.ts'
export { missing as missingNats, type NatsServer, startNats } from './nats-server.ts'
export {
  missingHaproxy,
  missingNginx,
  type ProxyServer,
  startHaproxy,
  startNginx,
} from './proxy-server.ts'
export { missing as missingRedis, type RedisServer, startCluster, startRedis } from './redis-server.ts'
export { type Relay, startRelay } from './relay.ts'
export { type RoundRobin, startRoundRobin } from './round-robin.ts'
