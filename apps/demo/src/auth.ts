// Who is there. A guest's name and id come in a token that the page makes up, which is fine for a demo and for
// nothing else: a real app verifies a signed token here.

/** What handlers know as `user`. */
export interface User {
  readonly id: string
  readonly name: string
  readonly guest: boolean
  /** Names one client of one page, for as long as the page is open. It is no secret. */
  readonly seat?: string | undefined
}

const TOKEN = /^guest:([\p{L}\p{N}][\p{L}\p{N} ]{0,39}):([0-9a-f]{16,64})(?::([0-9a-f]{8}))?$/u

/** Without a token, as from curl, one may watch and do nothing else. */
const visitor: User = { id: 'visitor', name: 'Visitor', guest: false }

/** The user behind a token, or null where it is malformed. */
export function userOf(token: string | undefined): User | null {
  if (!token) return visitor
  const [, name, id, seat] = TOKEN.exec(token) ?? []
  return name && id ? { id, name, guest: true, seat } : null
}

/** Guests do everything and visitors watch; nobody gets into the room `staff`, so that there is a closed door to see. */
export function mayUse(user: User, room: string, action: string): boolean {
  return room !== 'staff' && (user.guest || action === 'join')
}
