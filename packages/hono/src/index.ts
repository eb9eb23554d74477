export { type Servable, triwire, webSocket } from './triwire.ts'
