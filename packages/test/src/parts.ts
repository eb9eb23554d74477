/**
 * What `testNetwork` is made of, for this repository's own simulation: virtual time, and a network with every kind of
 * trouble. It may change with any version.
 */
export { type Actor, BEGINNING, Clock, createActor, type Entry } from './clock.ts'
export { Connection, createSite, Network, type Site } from './network.ts'
export type { Engine, RunningNode, Wiretap } from './node.ts'
export { hash, Random } from './random.ts'
export { createFetch } from './simulated-fetch.ts'
export { createWebSocket } from './simulated-websocket.ts'
export { fairWeather, type Weather } from './weather.ts'
