'use client'

import { useRealtime } from '@triwire/react'
import type { snapshotOf } from './realtime.ts'
import { room } from './rt.ts'

type Props = { readonly roomId: string; readonly from: Awaited<ReturnType<typeof snapshotOf>> }

export function Room({ roomId, from }: Props) {
  const { data = [], status, commands } = useRealtime(room({ roomId }), { from })
  return (
    <form
      action={async (form: FormData) => {
        await commands.send({ text: String(form.get('text')) })
      }}
    >
      <output>{status}</output>
      <ul>
        {data.map(({ id, text }) => (
          <li key={id}>{text}</li>
        ))}
      </ul>
      <input name="text" required maxLength={500} />
      <button type="submit">Send</button>
    </form>
  )
}
