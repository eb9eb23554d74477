export { type RedisBrokerHandle, type RedisOptions, redis } from './redis.ts'
