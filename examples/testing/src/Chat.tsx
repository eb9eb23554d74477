import { usePresence, useRealtime } from '@triwire/react'
import { append, rt } from './client.ts'

export function Chat({ roomId, name }: { roomId: string | undefined; name: string }) {
  const { data, status, pending, commands } = useRealtime(roomId && rt.chat({ roomId }), {
    initial: (snapshot) => snapshot.messages,
    reduce: { message: (list, message, meta) => append(list, message, meta) },
  })
  const { members } = usePresence(rt.lobby({ room: 'general' }), { set: { name } })

  if (status === 'idle') return <p>Choose a room.</p>
  if (status === 'joining') return <p>Joining…</p>
  if (status === 'denied') return <p>You may not read this room.</p>
  return (
    <section>
      <p>{members.map(({ value }) => value.name).join(', ')}</p>
      <ul>
        {data?.map(({ id, from, text }) => (
          <li key={id}>{`${from}: ${text}`}</li>
        ))}
      </ul>
      <button type="button" onClick={() => void commands.send({ text: 'hello' })}>
        Say hello {pending > 0 && '…'}
      </button>
    </section>
  )
}
