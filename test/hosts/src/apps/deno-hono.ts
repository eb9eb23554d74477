/** A child on Deno with Hono. */
import { serveApps } from './app.ts'
import { Deno, listenOnDeno } from './globals.ts'
import { makeHono } from './hono.ts'

console.log(await serveApps(Deno.args.at(-1), (app, port) => listenOnDeno(makeHono(app).fetch, port)))
