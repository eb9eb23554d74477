/** The script of edge-runtime: an isolate that turns requests into responses and has no module system. */
import { fetchHandler } from '@triwire/edge/fetch'
import { makeApp } from './app.ts'
import { hostOptions, onFetch } from './isolate.ts'

const { realtime, inside } = makeApp(hostOptions)
onFetch(fetchHandler(realtime, { base: '/rt', otherwise: inside }))
