/**
 * What is used of Cloudflare's runtime, as types: no more than that, so that no version of anybody's platform types has to
 * match. https://developers.cloudflare.com/durable-objects/api/
 */

/** `DurableObjectState`. */
export interface ObjectState {
  readonly id: { readonly name?: string | undefined; toString(): string }
  readonly storage: ObjectStorage
  acceptWebSocket(socket: ObjectSocket, tags?: string[]): void
  getWebSockets(tag?: string): ObjectSocket[]
  setWebSocketAutoResponse(pair?: AutoResponse): void
  getWebSocketAutoResponseTimestamp(socket: ObjectSocket): Date | null
  blockConcurrencyWhile<TResult>(callback: () => Promise<TResult>): Promise<TResult>
  waitUntil(promise: Promise<unknown>): void
}

/** `DurableObjectStorage`, of an object with SQLite. */
export interface ObjectStorage {
  readonly sql: ObjectSql
  transactionSync<TResult>(callback: () => TResult): TResult
  getAlarm(): Promise<number | null>
  setAlarm(at: number): Promise<void>
}

/** `SqlStorage`. */
export interface ObjectSql {
  exec(sql: string, ...parameters: unknown[]): ObjectSqlCursor
}

/** `SqlStorageCursor`. Statements run when it is made; `raw` hands out rows as arrays. */
export interface ObjectSqlCursor {
  raw(): { toArray(): unknown[][] }
}

/** A WebSocket that may outlive the process: `acceptWebSocket` has it. */
export interface ObjectSocket {
  send(text: string): void
  close(code?: number, reason?: string): void
  /** At most 16,384 bytes, serialized. */
  serializeAttachment(attachment: unknown): void
  deserializeAttachment(): unknown
}

/** What the platform answers without waking the object. */
export interface AutoResponse {
  readonly request: string
  readonly response: string
}

/** `DurableObjectNamespace`. */
export interface ObjectNamespace {
  idFromName(name: string): unknown
  get(id: unknown): ObjectStub
}

/** A stub: requests and calls reach the object wherever it is. */
export interface ObjectStub extends ObjectCalls {
  fetch(request: Request): Promise<Response>
}

/** What one object is asked by others, as plain values. */
export interface ObjectCalls {
  callBroker(operation: string, parameters: readonly unknown[]): Promise<unknown>
}

/** What is global there. */
export interface PlatformGlobals {
  readonly WebSocketPair: new () => { readonly 0: unknown; readonly 1: ObjectSocket }
  readonly WebSocketRequestResponsePair: new (request: string, response: string) => AutoResponse
}

export const platform: PlatformGlobals = globalThis as unknown as PlatformGlobals
