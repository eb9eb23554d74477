export type { Servable } from '@triwire/server'
export { type BeforeRouterOptions, type BeforeRouterServing, beforeRouter } from './before-router.ts'
export { triwire, webSocket } from './node.ts'
