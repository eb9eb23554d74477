/**
 * What bindings show while there is nothing to show: no channel (`useRealtime(roomId && …)`), no client yet, or a
 * server that renders without subscribing. The idle channel answers like any other handle, so a hook has no second
 * path for it; and the starting states are constants, because a server and a hydrating browser must agree on them.
 */
import { type Channel, TriwireError } from '@triwire/protocol'
import type {
  ChannelFace,
  ChannelHandle,
  ChannelObserver,
  ConnectionState,
  Observer,
  PresenceObserver,
  PresenceState,
} from './channel-types.ts'
import { createCommandFunctions } from './command-functions.ts'
import type { ViewHandle, ViewState } from './view-types.ts'

/** What `roomId && …` may give without a channel. */
type Nothing = null | undefined | false | '' | 0

/** A channel, or nothing: whatever `roomId && rt.chat({ roomId })` may give. */
export type MaybeChannel<TChannel extends Channel> = ChannelHandle<TChannel> | Nothing

/** A view, or nothing: whatever `roomId && room({ roomId })` may give. */
export type MaybeView<TChannel extends Channel, TState> = ViewHandle<TChannel, TState> | Nothing

/** A channel by either handle, or nothing. */
export type MaybeFace<TChannel extends Channel> = ChannelFace<TChannel> | Nothing

/** The state of no channel, nor of any view: a falsy value does not say of which it would have been. */
export const idleState: ViewState<never> = {
  status: 'idle',
  data: undefined,
  error: undefined,
  pending: 0,
  underWay: [],
  failed: [],
}

/** The state of any channel before it is subscribed; also what a server renders. */
export const joiningState: ViewState<never> = { ...idleState, status: 'joining' }

/** Presence before it is known. */
export const unsyncedPresence: PresenceState<never> = { members: [], synced: false, error: undefined }

/** The connection where there is no client, and on servers. */
export const idleConnection: Observer<ConnectionState> = constantly({
  state: 'idle',
  wire: undefined,
  rtt: undefined,
  attempt: 0,
  retryAt: undefined,
  error: undefined,
})

/**
 * The channel itself, or the idle channel for anything falsy. The idle channel never changes. Its `publish` and
 * commands reject, and `update` of its presence throws, with `bad_channel` and what to do; its signals reach
 * nobody, as signals may.
 */
export function channelOrIdle<THandle extends object>(channel: THandle | Nothing): THandle {
  return channel || (idleChannel as unknown as THandle)
}

const idleObserver: ChannelObserver<never, unknown> = {
  ...constantly(idleState),
  setOptions() {},
  getStart: () => idleState,
}

const idlePresence: PresenceObserver<never, unknown> = {
  ...constantly(unsyncedPresence),
  update() {
    throw noChannel('update presence')
  },
}

const idleChannel = {
  address: '',
  on: () => () => {},
  async *events() {},
  publish: (event: string) => Promise.reject(noChannel(`publish "${event}"`)),
  signal() {},
  commands: createCommandFunctions((name) => Promise.reject(noChannel(`send "${name}"`))),
  snapshot: () => Promise.reject(noChannel('take a snapshot')),
  observe: () => idleObserver,
  observePresence: () => idlePresence,
  client: { connection: idleConnection },
}

function constantly<TState>(state: TState): Observer<TState> {
  return { subscribe: () => () => {}, getSnapshot: () => state }
}

function noChannel(what: string): TriwireError {
  return new TriwireError('bad_channel', `Cannot ${what}: no channel was given. Pass one first.`)
}
