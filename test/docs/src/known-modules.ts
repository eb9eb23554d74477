// What a snippet may import: what a reader of the page would install. The test compares, so that a page cannot come to
// lean on a module nobody told the reader about; and the tool that looks for unused dependencies sees their use here.

/** Modules by name. */
export const knownModules: Readonly<Record<string, () => Promise<unknown>>> = {
  '@hono/node-server': () => import('@hono/node-server'),
  '@triwire/client': () => import('@triwire/client'),
  '@triwire/edge/cloudflare': () => import('@triwire/edge/cloudflare'),
  '@triwire/hono': () => import('@triwire/hono'),
  '@triwire/nats': () => import('@triwire/nats'),
  '@triwire/protocol': () => import('@triwire/protocol'),
  '@triwire/react': () => import('@triwire/react'),
  '@triwire/server': () => import('@triwire/server'),
  '@triwire/server/testing': () => import('@triwire/server/testing'),
  '@triwire/redis': () => import('@triwire/redis'),
  '@triwire/sqlite': () => import('@triwire/sqlite'),
  '@triwire/vue': () => import('@triwire/vue'),
  hono: () => import('hono'),
  react: () => import('react'),
  vue: () => import('vue'),
  zod: () => import('zod'),
}
