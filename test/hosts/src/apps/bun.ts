/** A child on Bun. */
import { bun } from '@triwire/edge/bun'
import { serveApps } from './app.ts'
import { Bun } from './globals.ts'

const served = await serveApps(Bun.argv.at(-1), async ({ realtime, inside }, port) => {
  const options = bun(realtime, { base: '/rt', otherwise: inside })
  return Bun.serve({ hostname: '127.0.0.1', port, ...options }).port
})
console.log(served)
