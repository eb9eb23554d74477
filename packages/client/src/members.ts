/** Who is present as a list to render: what has not changed is the same object as before. */
import type { Member } from './channel-types.ts'

/**
 * Lists the members of a set. A member whose value has not changed stays the same object, and a list in which nothing has
 * changed the same list: a component for each member renders when its own member does, and a set that is sent as a whole
 * again, after a reconnect, renders nothing.
 *
 * @param self the id of this session's own member
 */
export function listMembers(
  present: ReadonlyMap<string, unknown>,
  self: string | undefined,
  before: readonly Member<unknown>[],
): readonly Member<unknown>[] {
  const known = new Map(before.map((member) => [member.id, member]))
  const members = Array.from(present, ([id, value]): Member<unknown> => {
    const member = known.get(id)
    const isSame = member && (member.value === value || JSON.stringify(member.value) === JSON.stringify(value))
    return isSame && member.self === (id === self) ? member : { id, value, self: id === self }
  })
  const isSame = members.length === before.length && members.every((member, index) => member === before[index])
  return isSame ? before : members
}
