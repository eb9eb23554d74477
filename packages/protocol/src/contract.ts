/** A contract: the channels of an app by key. One plain value for the server, one type for the browser. */
import { formatAddress, NAME, parseAddress } from './address.ts'
import { type Channel, matchPath, paramNames, pathsOverlap } from './channel.ts'
import { TriwireError } from './codes.ts'

/** Channels by key. */
export type ChannelMap = Readonly<Record<string, Channel>>

/**
 * Of a channel, only what has no type parameters worth inferring: with `Channel` here, its `SchemaMap` would become
 * the inferred type of every part that a `channel()` written inside `contract({…})` leaves out.
 */
type PathMap = Readonly<Record<string, Pick<Channel, 'path' | 'history'>>>

/** What `contract()` returns. */
export interface Contract<TChannels extends ChannelMap = ChannelMap> {
  readonly channels: TChannels
}

/** The channel map of a contract type. */
export type ChannelsOf<TContract extends Contract> = TContract['channels']

/** One channel of a contract with the parameters of an address. */
export interface ResolvedChannel {
  readonly key: string
  readonly address: string
  readonly channel: Channel
  readonly params: Readonly<Record<string, string>>
}

/**
 * Puts channels together.
 * @throws TriwireError `bad_channel` for a malformed key, or two paths that one URL could match
 */
export function contract<const TChannels extends PathMap>(
  channels: TChannels,
): Contract<TChannels extends ChannelMap ? TChannels : never> {
  const entries = Object.entries(channels)
  for (const [index, [key, { path }]] of entries.entries()) {
    if (!NAME.test(key))
      throw new TriwireError(
        'bad_channel',
        `"${key}" cannot name a channel. Use a letter, then letters, digits, "_", "." or "-".`,
      )
    for (const [otherKey, other] of entries.slice(0, index)) {
      if (pathsOverlap(path, other.path)) {
        throw new TriwireError(
          'bad_channel',
          `Channels "${otherKey}" (${other.path}) and "${key}" (${path}) share paths. Give them different first segments.`,
        )
      }
    }
  }
  return { channels: channels as TChannels extends ChannelMap ? TChannels : never }
}

/**
 * Finds the channel an address names.
 * @throws TriwireError `bad_channel`, `unknown_channel`
 */
export function resolveAddress(contract: Contract, address: string): ResolvedChannel {
  const { key, params } = parseAddress(address)
  const channel = Object.hasOwn(contract.channels, key) ? contract.channels[key] : undefined
  if (channel === undefined) throw new TriwireError('unknown_channel', 'The contract has no channel of that name.')
  const expected = paramNames(channel.path).sort()
  const given = Object.keys(params)
  if (expected.length !== given.length || expected.some((name) => !(name in params))) {
    throw new TriwireError('bad_channel', `Channel "${key}" has the parameters: ${expected.join(', ') || 'none'}.`)
  }
  return { key, address, channel, params }
}

/**
 * Finds the channel a path names, as plain HTTP clients write it: `chat/general`.
 * @throws TriwireError `bad_channel`, `unknown_channel`
 */
export function resolvePath(contract: Contract, path: string): ResolvedChannel {
  for (const [key, channel] of Object.entries(contract.channels)) {
    const params = matchPath(channel.path, path)
    if (params !== undefined) return { key, address: formatAddress(key, params), channel, params }
  }
  throw new TriwireError('unknown_channel', 'The contract has no channel with that path.')
}
