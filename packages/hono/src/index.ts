export type { Servable } from '@triwire/server'
export { triwire, webSocket } from './node.ts'
