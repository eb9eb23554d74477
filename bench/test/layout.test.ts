import { expect, test } from 'vitest'
import { channelCount, channelsOf, type Layout, messagesPerChannel } from '../src/layout.ts'

function followers(layout: Layout, connections: number): number[] {
  const counts = new Array<number>(channelCount(layout, connections)).fill(0)
  for (let index = 0; index < connections; index++) {
    for (const channel of channelsOf(layout, index)) counts[channel]! += 1
  }
  return counts
}

test('with many channels each has as many followers as any other', () => {
  expect(new Set(followers({ kind: 'many', each: 100 }, 10_000))).toEqual(new Set([10]))
})

test('with many channels few connections follow the same ones', () => {
  const sets = Array.from({ length: 1000 }, (_, index) => channelsOf({ kind: 'many', each: 100 }, index).join())
  expect(new Set(sets).size).toBe(1000)
})

test('rooms have the followers they are said to have', () => {
  expect(new Set(followers({ kind: 'rooms', followers: 10 }, 500))).toEqual(new Set([10]))
})

test('mixed sets have ten different channels of twenty, and differ', () => {
  const sets = Array.from({ length: 200 }, (_, index) => channelsOf({ kind: 'mixed', of: 20, each: 10 }, index))
  for (const set of sets) expect(new Set(set.filter((channel) => channel >= 0 && channel < 20)).size).toBe(10)
  expect(new Set(sets.map((set) => set.join())).size).toBeGreaterThan(190)
})

test('the messages of a speech are counted into the channels they are said in', () => {
  expect([...messagesPerChannel({ messages: 7, channels: 3, stride: 2 })]).toEqual([3, 2, 2])
})
