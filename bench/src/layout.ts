// Who follows which channel, and what is said where: pure arithmetic, so the load can work out how many messages each of
// its connections must get without being told.

/** Who follows what. */
export type Layout =
  /** Nobody follows anything. */
  | { readonly kind: 'none' }
  /** Everybody follows channel 0. */
  | { readonly kind: 'one' }
  /** Each follows `each` of `of` channels, drawn from a seed: few sets are alike. */
  | { readonly kind: 'mixed'; readonly of: number; readonly each: number }
  /** Each follows one channel, and each channel has `followers` of them. */
  | { readonly kind: 'rooms'; readonly followers: number }
  /** 1,000 channels per step up to `each` steps; each connection follows one of every step, so no two sets are alike. */
  | { readonly kind: 'many'; readonly each: number }

/** What a server says: `messages` in all, number `k` into channel `k * stride % channels`. */
export interface Speech {
  readonly messages: number
  readonly channels: number
  /** Has no divisor in common with `channels`. */
  readonly stride: number
}

/** The channels connection number `index` follows. */
export function channelsOf(layout: Layout, index: number): number[] {
  switch (layout.kind) {
    case 'none':
      return []
    case 'one':
      return [0]
    case 'mixed':
      return mixed(layout.of, layout.each, index)
    case 'rooms':
      return [Math.floor(index / layout.followers)]
    case 'many':
      return Array.from(
        { length: layout.each },
        (_, step) => step * STEP + ((index * (10 * Math.floor(step / 4) + (COPRIME[step % 4] as number))) % STEP),
      )
  }
}

/** Channels of one step of a `many` layout. */
const STEP = 1000
/** Last digits of numbers that share no divisor with 1,000: multiplying by them deals a step out evenly. */
const COPRIME = [1, 3, 7, 9]

/** How many channels a layout has, with so many connections. */
export function channelCount(layout: Layout, connections: number): number {
  switch (layout.kind) {
    case 'none':
      return 0
    case 'one':
      return 1
    case 'mixed':
      return layout.of
    case 'rooms':
      return Math.ceil(connections / layout.followers)
    case 'many':
      return layout.each * STEP
  }
}

/** The channel of message number `k`. */
export function channelAt({ channels, stride }: Speech, k: number): number {
  return (k * stride) % channels
}

/** How many messages of a speech go into each channel. */
export function messagesPerChannel(speech: Speech): Uint32Array {
  const counts = new Uint32Array(speech.channels)
  for (let k = 0; k < speech.messages; k++) counts[channelAt(speech, k)]!++
  return counts
}

/** The first `each` of a shuffle of `of` channels. */
function mixed(of: number, each: number, seed: number): number[] {
  const channels = Array.from({ length: of }, (_, index) => index)
  let state = (seed + 1) * 2654435761
  for (let index = 0; index < each; index++) {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0
    const other = index + (state % (of - index))
    ;[channels[index], channels[other]] = [channels[other]!, channels[index]!]
  }
  return channels.slice(0, each).sort((one, other) => one - other)
}
