// What the address of the page says: `?room=general&wire=sse`.

import { isWireChoice, type WireChoice } from './wires.ts'

const query = new URLSearchParams(location.search)
const wire = query.get('wire')

/** The room both clients are in. */
export const room: string = query.get('room') || 'general'

/** The wires both clients start with. */
export const initialWire: WireChoice = isWireChoice(wire) ? wire : 'auto'

/** The address of another room, everything else kept. */
export function hrefOf(name: string): string {
  const next = new URLSearchParams(query)
  next.set('room', name)
  return `?${next}`
}
