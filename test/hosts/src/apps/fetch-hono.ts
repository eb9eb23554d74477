/** The same with Hono. */
import { makeApp } from './app.ts'
import { makeHono } from './hono.ts'
import { hostOptions, onFetch } from './isolate.ts'

onFetch(makeHono(makeApp(hostOptions)).fetch)
