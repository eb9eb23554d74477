export {
  type CloudflareExports,
  type CloudflareOptions,
  cloudflare,
  handleCloudflare,
  type RealtimeHubClass,
  type Shards,
} from './cloudflare.ts'
