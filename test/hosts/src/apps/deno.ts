/** A child on Deno. */
import { deno } from '@triwire/edge/deno'
import { serveApps } from './app.ts'
import { Deno, listenOnDeno } from './globals.ts'

const port = await serveApps(Deno.args.at(-1), ({ realtime, inside }, port) =>
  listenOnDeno(deno(realtime, { base: '/rt', otherwise: inside }), port),
)
console.log(port)
