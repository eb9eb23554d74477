import { type Delivery, parseCursor } from '@triwire/protocol'
import { describe, expect, it } from 'vitest'
import { Follower } from '../src/follower.ts'

const GAP = { type: 'gap', channel: 'a', to: 'e:3:t3', reason: 'trimmed' } as const

/** What a follower that stands at a position is told of gaps. */
function toldOf(
  gaps:
    | { readonly from: string; readonly everybody: boolean }
    | { readonly from: string; readonly everybody: boolean }[],
  position: string,
): string[] {
  const told: string[] = []
  const follower = new Follower(
    {},
    (delivery) => {
      if (delivery.type === 'gap') told.push(delivery.from)
    },
    () => {},
  )
  follower.begin(parseCursor(position))
  for (const gap of [gaps].flat()) follower.handleDelivery({ ...GAP, ...gap } satisfies Delivery)
  return told
}

describe('a gap for everybody', () => {
  it('begins where each of them stands', () => {
    expect(toldOf({ from: 'e:2:t2', everybody: true }, 'e:2:t2')).toEqual(['e:2:t2'])
    expect(toldOf({ from: 'e:2:t2', everybody: true }, 'e:1:t1')).toEqual(['e:1:t1'])
  })

  it('is none for who stands where it ends', () => {
    expect(toldOf({ from: 'e:5:t5', everybody: true }, 'e:3:t3')).toEqual([])
  })
})

describe('a gap that a newcomer meets', () => {
  it('is told to those who have been brought to where it begins, and not to those further on', () => {
    expect(toldOf({ from: 'e:1:t1', everybody: false }, 'e:1:t1')).toEqual(['e:1:t1'])
    expect(toldOf({ from: 'e:1:t1', everybody: false }, 'e:9:t9')).toEqual([])
  })

  it('is not told to who was told of it with everybody', () => {
    const gap = { from: 'e:1:t1', everybody: true }
    expect(toldOf([gap, { ...gap, everybody: false }], 'e:1:t1')).toEqual(['e:1:t1'])
  })
})
