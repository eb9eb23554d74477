import type { Gap } from '@triwire/client'
import { useRealtime } from '@triwire/react'
import { useState } from 'react'
import { append, type GapNote, gapNote } from '../shared/timeline.ts'
import { Room } from './Room.tsx'
import { chat, guest } from './realtime.ts'
import { useTypists } from './use-typists.ts'

/** The room with a server behind it: a snapshot to start from, and a command to write. */
export function Chat() {
  const [gaps, setGaps] = useState<readonly GapNote[]>([])
  const [typing, typists] = useTypists()
  const { data, status, error, pending, commands } = useRealtime(chat, {
    initial: (snapshot) => snapshot.messages,
    reduce: { message: (list, message, meta) => append(list, message, meta) },
    on: {
      message: ({ from }) => typists.hear(from, false),
      typing: ({ name, on }) => typists.hear(name, on),
      $gap: noteGap,
    },
  })

  function noteGap(gap: Gap): void {
    setGaps((notes) => [...notes, gapNote(gap, data ?? [], 'A fresh snapshot follows.')])
  }

  return (
    <Room
      kind="chat"
      title="Chat"
      recipe="command + snapshot"
      {...{ status, error, pending, gaps, typing }}
      messages={data ?? []}
      onSend={(text) => commands.send({ text })}
      onTyping={(on) => chat.signal('typing', { name: guest.name, on }, { key: guest.name })}
    />
  )
}
