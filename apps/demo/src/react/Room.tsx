import type { ChannelState } from '@triwire/client'
import type { Message } from '../contract.ts'
import { pendingText, statusText, typingText } from '../shared/room-text.ts'
import { type GapNote, timeline } from '../shared/timeline.ts'
import { Composer } from './Composer.tsx'
import { Messages } from './Messages.tsx'

interface RoomProps {
  kind: 'lobby' | 'chat'
  title: string
  /** What the room is made of, in a few words of code. */
  recipe: string
  status: ChannelState<unknown>['status']
  error: Error | undefined
  /** Messages of this client that the server has not answered yet. */
  pending: number
  messages: readonly Message[]
  gaps: readonly GapNote[]
  typing: readonly string[]
  onSend: (text: string) => Promise<unknown>
  onTyping: (on: boolean) => void
}

/** One room: its state, its messages, and a place to write. */
export function Room({ kind, title, recipe, status, error, pending, messages, gaps, typing, ...on }: RoomProps) {
  return (
    <article className="card" data-testid={kind} data-status={status}>
      <header className="card-head">
        <h3>{title}</h3>
        <code>{recipe}</code>
        <span className="status" role="status">
          {statusText(status)}
        </span>
      </header>
      {error ? (
        <p className="notice" role="alert">
          {error.message}
        </p>
      ) : null}
      <Messages kind={kind} title={title} entries={timeline(messages, gaps)} />
      <p className="activity" aria-live="polite">
        {typing.length > 0 ? <span data-testid="typing">{typingText(typing)}</span> : null}
        {pending > 0 ? <span className="pending">{pendingText(pending)}</span> : null}
      </p>
      <Composer kind={kind} title={title} disabled={error !== undefined} {...on} />
    </article>
  )
}
