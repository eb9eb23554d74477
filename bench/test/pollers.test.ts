import { expect, test } from 'vitest'
import { pollersText } from '../src/report/pollers.ts'
import type { Sample } from '../src/sample.ts'

function polls(peer: string, part: string, cpuUsPerRequest: number, userUsPerRequest: number): Sample {
  const figures = { requestsPerDelivery: part.startsWith('tens') ? 0.1 : 1, cpuUsPerRequest, userUsPerRequest }
  return { scenario: 'fanout', part, wire: 'polling', peer, round: 1, figures }
}

const single = [polls('triwire', 'single, 5000', 60, 45), polls('raw-poll', 'single, 5000', 40, 25)]

test('what a request costs is parted into the kernel, Node and Triwire', () => {
  const text = pollersText(single)
  expect(text).toContain('costs 60 µs of CPU: 15 µs in the kernel')
  expect(text).toContain('25 µs in Node')
  expect(text).toContain('20 µs in Triwire')
  expect(text).toContain('is 0.3 s of CPU')
  expect(text).toContain('3.33 times a second')
  expect(text).toContain('| raw-poll, single | 1 | 40 | 15 | 25 |')
})

test('bursts and fewer pollers are told of where they were measured', () => {
  expect(pollersText(single)).not.toContain('bursts of ten')
  const text = pollersText([
    ...single,
    polls('triwire', 'tens, 5000', 80, 60),
    polls('triwire', 'single, 200', 50, 40),
    polls('raw-poll', 'single, 200', 32, 20),
  ])
  expect(text).toContain('0.10 requests, and 8 µs of CPU instead of 60 µs')
  expect(text).toContain('grows 1.2 times, and without a library 1.25 times')
})

test('without the bare poll there is nothing to tell', () => {
  expect(pollersText(single.filter(({ peer }) => peer === 'triwire'))).toBe('')
})
