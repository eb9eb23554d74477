import { usePresence } from '@triwire/react'
import { initials } from '../shared/guest.ts'
import { guest, lobby } from './realtime.ts'

/** Who is in the lobby. */
export function Members() {
  const { members } = usePresence(lobby, { set: { name: guest.name, app: 'react' } })

  return (
    <ul className="members" data-testid="members" aria-label="In this room">
      {members.map(({ id, value, self }) => (
        <li key={id} data-self={self} data-app={value.app} title={`${value.name}, ${value.app}`}>
          <span aria-hidden="true">{initials(value.name)}</span>
          <span className="visually-hidden">{value.name}</span>
          {self ? <em>you</em> : null}
        </li>
      ))}
    </ul>
  )
}
