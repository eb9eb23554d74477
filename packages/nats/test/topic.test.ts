/** What one channel's messages become for those who listen, without a NATS. */
import { Recorder } from '@triwire/server/testing'
import { expect, test } from 'vitest'
import type { LogMessage } from '../src/message.ts'
import { Topic } from '../src/topic.ts'

function listening(): { topic: Topic; recorder: Recorder } {
  const topic = new Topic((error) => {
    throw error
  })
  const recorder = new Recorder()
  topic.add(recorder).begin(at(0), 'v')
  return { topic, recorder }
}

const at = (offset: number) => ({ epoch: 'e', offset, tag: `t${offset}` })

/** The message of the entry at an offset. */
function entry(offset: number): LogMessage {
  return {
    sequence: offset,
    head: at(offset),
    before: at(offset - 1),
    bytes: offset,
    at: 0,
    history: undefined,
    sequences: [],
    follows: offset - 1,
    event: 'said',
    cause: undefined,
    data: String(offset),
    size: 1,
  }
}

test('entries that come before the one they follow wait for it, and nobody is interrupted', () => {
  const { topic, recorder } = listening()
  for (const offset of [1, 3, 4, 2, 6, 5]) topic.handleMessage(entry(offset))
  expect(recorder.data).toEqual(['1', '2', '3', '4', '5', '6'])
  expect(recorder.interruptions).toBe(0)
  topic.close()
})

test('where the one that is missing does not come, the log is asked, and what came is delivered in order', async () => {
  const { topic, recorder } = listening()
  for (const offset of [1, 4, 3]) topic.handleMessage(entry(offset))
  expect(recorder.data).toEqual(['1'])
  await recorder.untilEntries(3)
  expect(recorder.data).toEqual(['1', '3', '4'])
  expect(recorder.interruptions).toBe(1)
  topic.handleMessage(entry(5))
  expect(recorder.data.at(-1)).toBe('5')
  topic.close()
})
