// The React client's own session, the two rooms it is in, and what it hears of the nodes.

import { createClient } from '@triwire/client'
import type { Api } from '../contract.ts'
import { guestFor } from '../shared/guest.ts'
import { initialWire, room } from '../shared/location.ts'
import { wiresOf } from '../shared/wires.ts'

export const guest = guestFor('react')

export const client = createClient<Api>({ url: '/rt', auth: () => guest.token, wires: wiresOf(initialWire) })

export const lobby = client.channels.lobby({ room })
export const chat = client.channels.chat({ roomId: room })
export const cluster = client.channels.cluster()
