/** Answers under way and finished. A generation belongs to no request: it ends when the model does. */
import { createRealtime, TriwireError } from '@triwire/server'
import { type Answer, api } from './contract.ts'
import { generate } from './model.ts'

interface Generation {
  readonly answer: Answer
  readonly finished: Promise<Answer>
}

const generations = new Map<string, Generation>() // your database

export const realtime = createRealtime(api, { auth: () => ({ id: 'reader' }) }).on('answer', {
  snapshot: ({ params }) => generations.get(params.id)?.answer ?? { text: '', ended: null },
})

/**
 * Starts an answer. Asked again under the same id, as whoever lost the connection does, it goes on with the one there is.
 * @throws TriwireError `bad_prompt`
 */
export function ask(id: string, prompt: string): Promise<Answer> {
  if (prompt === '') throw new TriwireError('bad_prompt', 'Ask something.')
  const known = generations.get(id)
  if (known !== undefined) return known.finished
  const answer: Answer = { text: '', ended: null }
  const finished = run(id, prompt, answer)
  // Whoever waits is told what went wrong, and nobody has to wait.
  finished.catch(() => {})
  generations.set(id, { answer, finished })
  return finished
}

// Given no signal of any request, on purpose.
async function run(id: string, prompt: string, answer: Answer): Promise<Answer> {
  const channel = realtime.channels.answer({ id })
  let how: 'done' | 'failed' = 'done'
  try {
    for await (const text of generate(prompt)) {
      const at = answer.text.length
      answer.text += text
      await channel.emit('token', { at, text })
    }
  } catch {
    how = 'failed'
  }
  answer.ended = how
  await channel.emit('end', { how })
  return answer
}
