import { useEffect, useRef, useState } from 'react'
import { timeText } from '../shared/room-text.ts'
import { type Sticking, stickToBottom } from '../shared/stick-to-bottom.ts'
import type { Entry } from '../shared/timeline.ts'
import { guest } from './realtime.ts'

interface MessagesProps {
  kind: string
  title: string
  entries: readonly Entry[]
}

/** The lines of a room, kept at the newest one unless the reader has scrolled up. */
export function Messages({ kind, title, entries }: MessagesProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const sticking = useRef<Sticking>(null)
  const [unread, setUnread] = useState(0)

  useEffect(() => {
    if (!scroller.current) return
    const current = stickToBottom(scroller.current, setUnread)
    sticking.current = current
    return current.release
  }, [])

  return (
    <div className="messages">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className="scroller" ref={scroller} role="log" aria-label={`${title}, React`} tabIndex={0}>
        <ol data-testid={`${kind}-messages`}>
          {entries.map((entry) => (
            <Line key={entry.id} entry={entry} />
          ))}
        </ol>
      </div>
      {unread > 0 ? (
        <button className="unread" type="button" onClick={() => sticking.current?.toBottom()}>
          {unread} new ↓
        </button>
      ) : null}
    </div>
  )
}

function Line({ entry }: { entry: Entry }) {
  if (entry.kind === 'gap') return <li className="gap">{entry.text}</li>
  const { message, follows } = entry
  return (
    <li className="message" data-id={message.id} data-own={message.from === guest.name} data-follows={follows}>
      <span className="byline">
        {message.from} <time dateTime={new Date(message.at).toISOString()}>{timeText(message.at)}</time>
      </span>
      <p className="text">{message.text}</p>
    </li>
  )
}
