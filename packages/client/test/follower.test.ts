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
  const { follower, told } = stand(position)
  for (const gap of [gaps].flat()) follower.handleDelivery({ ...GAP, ...gap } satisfies Delivery)
  return told.flatMap((delivery) => (delivery.type === 'gap' ? [delivery.from] : []))
}

/** A follower that stands at a position, and what it is given. */
function stand(position: string): { readonly follower: Follower; readonly told: Delivery[] } {
  const told: Delivery[] = []
  const follower = new Follower(
    {},
    (delivery) => told.push(delivery),
    () => {},
  )
  follower.begin(parseCursor(position))
  return { follower, told }
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

  it('is told once, also where a signal comes in between', () => {
    const { follower, told } = stand('e:1:t1')
    follower.handleDelivery({ ...GAP, from: 'e:1:t1', everybody: true })
    follower.handleDelivery({ type: 'signal', channel: 'a', event: 'typing', data: {}, member: 'm' })
    follower.handleDelivery({ ...GAP, from: 'e:1:t1', everybody: false })
    expect(told.map(({ type }) => type)).toEqual(['gap', 'signal'])
  })

  it('may go on: what is missing behind it is told from where it ended', () => {
    const { follower, told } = stand('e:1:t1')
    const gap = (from: string, to: string) => follower.handleDelivery({ ...GAP, from, to, everybody: false })
    gap('e:1:t1', 'e:3:t3')
    gap('e:3:t3', 'e:4:t4')
    gap('e:1:t1', 'e:4:t4')
    gap('e:1:t1', 'e:6:t6')
    expect(told).toMatchObject([
      { from: 'e:1:t1', to: 'e:3:t3' },
      { from: 'e:3:t3', to: 'e:4:t4' },
      { from: 'e:4:t4', to: 'e:6:t6' },
    ])
  })

  it('does not go on where everybody was told of it: all go on from where it ended', () => {
    const { follower, told } = stand('e:1:t1')
    follower.handleDelivery({ ...GAP, from: 'e:1:t1', everybody: true })
    follower.handleDelivery({ ...GAP, from: 'e:1:t1', to: 'e:6:t6', everybody: false })
    expect(told).toHaveLength(1)
  })

  it('is waited behind: nothing comes until the log begins anew, wherever that is', () => {
    const { follower, told } = stand('e:1:t1')
    const event = (offset: number) =>
      follower.handleDelivery({
        type: 'event',
        channel: 'a',
        event: 'said',
        data: offset,
        cursor: { epoch: 'e', offset, tag: `t${offset}` },
        cause: undefined,
        own: false,
        kind: 'live',
        overlap: false,
      })
    follower.handleDelivery({ ...GAP, from: 'e:1:t1', everybody: false })
    event(9)
    follower.handleDelivery({ type: 'start', channel: 'a', who: 'newcomers', number: 1, at: parseCursor('e:7:t7') })
    event(8)
    event(9)
    expect(told.map((delivery) => (delivery.type === 'event' ? delivery.data : delivery.type))).toEqual([
      'gap',
      'start',
      8,
      9,
    ])
  })
})
