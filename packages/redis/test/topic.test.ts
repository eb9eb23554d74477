/** What one channel's messages become for those who listen, without a Redis. */
import { Recorder } from '@triwire/server/testing'
import { expect, test } from 'vitest'
import { Topic } from '../src/topic.ts'

function topic(): Topic {
  return new Topic({
    onMalformed: (text) => expect.fail(`malformed: ${text}`),
    onDue: () => {},
    onListenerError: (error) => {
      throw error
    },
  })
}

/** The message of the entry at an offset, which follows the one before it. */
function entry(offset: number): string {
  return `et${offset - 1} e:${offset}:t${offset} ["said"]\n${offset}`
}

test('what comes before the head is known is delivered once it is, without what the head covers', () => {
  const on = topic()
  const recorder = new Recorder()
  const { begin } = on.add(recorder)
  for (const offset of [1, 2, 3]) on.handleMessage(entry(offset))
  expect(recorder.calls).toBe(0)
  begin({ epoch: 'e', offset: 1, tag: 't1' })
  expect(recorder.data).toEqual(['2', '3'])
  expect(recorder.interruptions).toBe(0)
})

test('a flood before the head is known costs bounded memory: it is read from the log instead', () => {
  const on = topic()
  const recorder = new Recorder()
  const { begin } = on.add(recorder)
  const first = 5000
  for (let offset = 1; offset <= first; offset++) on.handleMessage(entry(offset))
  begin({ epoch: 'e', offset: 0, tag: '0' })
  expect(recorder.interruptions).toBeGreaterThan(0)
  expect(recorder.entries.length).toBeLessThanOrEqual(1000)
  on.handleMessage(entry(first + 1))
  expect(recorder.data.at(-1)).toBe(String(first + 1))
})
