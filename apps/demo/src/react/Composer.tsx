import { type SubmitEvent, useState } from 'react'
import { failureText } from '../shared/room-text.ts'
import { createTypingNotifier } from '../shared/typing.ts'

interface ComposerProps {
  kind: string
  title: string
  disabled: boolean
  onSend: (text: string) => Promise<unknown>
  onTyping: (on: boolean) => void
}

/** Where one writes. Works without a connection too: what is sent waits for it. */
export function Composer({ kind, title, disabled, onSend, onTyping }: ComposerProps) {
  const [text, setText] = useState('')
  const [failure, setFailure] = useState('')
  const [typing] = useState(() => createTypingNotifier(onTyping))

  function edit(next: string): void {
    setText(next)
    if (next) typing.keystroke()
    else typing.stop()
  }

  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const written = text.trim()
    if (!written) return
    typing.stop()
    setText('')
    setFailure('')
    try {
      await onSend(written)
    } catch (error) {
      setFailure(failureText(error))
      setText((now) => now || written)
    }
  }

  return (
    <form className="composer" onSubmit={(event) => void send(event)}>
      {failure ? (
        <p className="notice" role="alert">
          {failure}
        </p>
      ) : null}
      <input
        data-testid={`${kind}-input`}
        aria-label={`Message to ${title}`}
        placeholder={`Message to ${title}`}
        autoComplete="off"
        enterKeyHint="send"
        maxLength={500}
        disabled={disabled}
        value={text}
        onChange={(event) => edit(event.target.value)}
      />
      <button className="send" data-testid={`${kind}-send`} type="submit" disabled={disabled || !text.trim()}>
        Send
      </button>
    </form>
  )
}
