export {
  type CloudflareExports,
  type CloudflareOptions,
  type CloudflareServable,
  cloudflare,
  type RealtimeHubClass,
  type Shards,
} from './cloudflare.ts'
