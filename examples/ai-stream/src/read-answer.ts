/** A reader: the prefix as a snapshot, then token by token, then the end. With hooks the options are the same. */
import type { ChannelHandle, ChannelObserver } from '@triwire/client'
import type { Answer, Api } from './contract.ts'

type AnswerChannel = ChannelHandle<Api['channels']['answer']>

export function readAnswer(
  channel: AnswerChannel,
): Pick<ChannelObserver<Answer, never>, 'subscribe' | 'getSnapshot'> {
  return channel.observe({
    initial: (answer) => answer,
    reduce: {
      // What the snapshot holds already may come once more.
      token: (answer, { at, text }) => (at < answer.text.length ? answer : { ...answer, text: answer.text + text }),
      end: (answer, { how }) => ({ ...answer, ended: how }),
    },
  })
}

/** Resolves with the answer when it has ended, however often the connection breaks until then. */
export function wholeAnswer(channel: AnswerChannel): Promise<Answer> {
  const observer = readAnswer(channel)
  return new Promise((resolve, reject) => {
    const unsubscribe = observer.subscribe(() => {
      const { data, error } = observer.getSnapshot()
      if (error === undefined && !data?.ended) return
      unsubscribe()
      if (error === undefined) resolve(data as Answer)
      else reject(error)
    })
  })
}
