// Each client is a guest of its own with a made-up name, kept for as long as the tab lives, and a seat of its own, kept
// for as long as the page does: a tab that is duplicated takes its guests along, but not their wires.

/** Which of the two clients. */
export type App = 'react' | 'vue'

/** Who a client says it is. */
export interface Guest {
  readonly name: string
  /** Names this client among all that are open; see `auth.ts`. */
  readonly seat: string
  /** What the server verifies; see `auth.ts`. */
  readonly token: string
}

// The two clients of a tab never have the same name: one is a bird and one is not.
const FIRST =
  'Amber Brisk Calm Copper Coral Gentle Golden Hazel Indigo Jade Keen Lively Misty Quick Ruby Silver'.split(' ')
const LAST: Readonly<Record<App, readonly string[]>> = {
  react: 'Crane Dove Falcon Finch Gull Heron Ibis Jay Kite Lark Owl Puffin Raven Robin Stork Wren'.split(' '),
  vue: 'Badger Bear Beaver Bison Deer Fox Hare Koala Lynx Marten Moose Newt Otter Panda Seal Wolf'.split(' '),
}

/** The guest of one client in this tab. */
export function guestFor(app: App): Guest {
  const key = `triwire-demo:${app}`
  const kept = sessionStorage.getItem(key) ?? newToken(app)
  sessionStorage.setItem(key, kept)
  const seat = randomHex(4)
  return { token: `${kept}:${seat}`, name: kept.split(':')[1] ?? '', seat }
}

/** The letters of an avatar: `Amber Otter` has `AO`. */
export function initials(name: string): string {
  const [first = '', ...rest] = name.split(' ')
  return `${first.charAt(0)}${rest.at(-1)?.charAt(0) ?? ''}`.toUpperCase()
}

function newToken(app: App): string {
  const [first = 0, last = 0] = crypto.getRandomValues(new Uint8Array(2))
  return `guest:${FIRST[first % FIRST.length]} ${LAST[app][last % LAST[app].length]}:${randomHex(16)}`
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
