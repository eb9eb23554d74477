import type { Gap } from '@triwire/client'
import { useRealtime } from '@triwire/react'
import { useState } from 'react'
import { append, type GapNote, gapNote } from '../shared/timeline.ts'
import { Room } from './Room.tsx'
import { guest, lobby } from './realtime.ts'
import { useTypists } from './use-typists.ts'

/** The room without server code: guests publish, and the log is all there is. */
export function Lobby() {
  const [gaps, setGaps] = useState<readonly GapNote[]>([])
  const [typing, typists] = useTypists()
  const { data, status, error, pending, publish } = useRealtime(lobby, {
    tail: 50,
    initial: [],
    reduce: { message: (list, message, meta) => append(list, message, meta) },
    on: {
      message: ({ from }) => typists.hear(from, false),
      typing: ({ name, on }) => typists.hear(name, on),
      $gap: noteGap,
    },
  })

  function noteGap(gap: Gap): void {
    setGaps((notes) => [...notes, gapNote(gap, data ?? [])])
  }

  return (
    <Room
      kind="lobby"
      title="Lobby"
      recipe="publish + tail: 50"
      {...{ status, error, pending, gaps, typing }}
      messages={data ?? []}
      onSend={(text) => publish('message', { text })}
      onTyping={(on) => lobby.signal('typing', { name: guest.name, on }, { key: guest.name })}
    />
  )
}
