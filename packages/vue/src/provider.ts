/** An optional provider, for tests and for pages with several back ends. Without one the default client is used. */
import type { ChannelSnapshot, ConnectionState, Observer } from '@triwire/client'
import { type App, hasInjectionContext, type InjectionKey, inject, provide, ssrContextKey } from 'vue'

/** What the composables need of a client. */
export interface RealtimeClient {
  readonly connection: Observer<ConnectionState>
}

/** The key under which the client is injected. */
export const clientKey: InjectionKey<RealtimeClient> = Symbol('triwire')

/** Snapshots that a server rendered with, by the address of their channel: plain JSON, to travel in the page. */
export type RenderedSnapshots = Record<string, ChannelSnapshot<unknown>>

const snapshotsKey: InjectionKey<RenderedSnapshots> = Symbol('triwire snapshots')

/**
 * Makes `client` the one that `useConnection()` shows: in a whole app, or, called in `setup`, below a component.
 * Channels name their client themselves.
 *
 * @param snapshots what the server has left in `ssrContext.triwire`: `useRealtime` begins there
 */
export function provideRealtime(client: RealtimeClient, app?: App, snapshots?: RenderedSnapshots): void {
  const target = app ?? { provide }
  target.provide(clientKey, client)
  if (snapshots) target.provide(snapshotsKey, snapshots)
}

/** The snapshot that the server rendered a channel with. */
export function renderedSnapshot(address: string): ChannelSnapshot<unknown> | undefined {
  return hasInjectionContext() ? inject(snapshotsKey, undefined)?.[address] : undefined
}

/** A way to leave a snapshot for the page, to be asked for in `setup`. */
export function snapshotRecorder(): (address: string, snapshot: ChannelSnapshot<unknown>) => void {
  const context = hasInjectionContext() ? inject<{ triwire?: RenderedSnapshots }>(ssrContextKey, {}) : {}
  return (address, snapshot) => {
    context.triwire = { ...context.triwire, [address]: snapshot }
  }
}
