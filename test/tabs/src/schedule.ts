/**
 * Random schedules: tabs that open, close, crash, stand still and wake while numbers are emitted and published and the
 * network breaks. Whoever is left has everything once and in order.
 */
import fc from 'fast-check'
import { vi } from 'vitest'
import { createStage, type Seat } from './stage.ts'

/** A command of a schedule; `tab` picks one of those that are there. */
export type Step =
  | { readonly do: 'emit' | 'pass'; readonly amount: number }
  | { readonly do: 'cut' | 'down' | 'up' | 'open' }
  | {
      readonly do:
        | 'close'
        | 'crash'
        | 'freeze'
        | 'stand still'
        | 'wake'
        | 'put aside'
        | 'publish'
        | 'rename'
        | 'crash leader'
      readonly tab: number
    }

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('emit' as const), amount: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), amount: fc.integer({ min: 1, max: 8000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'down' as const, 'up' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'close' as const,
        'crash' as const,
        'freeze' as const,
        'stand still' as const,
        'wake' as const,
        'put aside' as const,
        'publish' as const,
        'publish' as const,
        'rename' as const,
        'crash leader' as const,
      ),
      tab: fc.nat(5),
    }),
  },
)

/** How far everything is. */
export interface Weather {
  readonly seed: number
  readonly latencyMs: number
  readonly messageMs: number
}

export const weather: fc.Arbitrary<Weather> = fc.record({
  seed: fc.nat(),
  latencyMs: fc.constantFrom(0, 20, 150, 400),
  messageMs: fc.constantFrom(0, 3, 30),
})

const MOST_TABS = 6

/** Runs one schedule; resolves with every complaint. */
export async function run(steps: readonly Step[], { seed, latencyMs, messageMs }: Weather): Promise<string[]> {
  vi.useFakeTimers()
  const stage = createStage()
  // A linear congruential generator: the same schedule is the same run.
  let random = seed
  stage.network.latency = () => {
    random = (random * 1103515245 + 12345) % 2 ** 31
    return (random / 2 ** 31) * latencyMs
  }
  stage.browser.messageMs = messageMs
  const closed = new Set<Seat>()
  const published = new Map<Seat, { asked: number; answered: number }>()
  const there = (): Seat[] => stage.seats.filter((seat) => seat.tab.alive && !closed.has(seat))
  const names = new Map<Seat, string>()
  let renames = 0
  const rename = (seat: Seat): void => {
    const name = `${seat.tab.name} as ${++renames}`
    names.set(seat, name)
    seat.enter(name)
  }
  const open = async (): Promise<void> => {
    if (there().length >= MOST_TABS) return
    const seat = await stage.open()
    published.set(seat, { asked: 0, answered: 0 })
    rename(seat)
  }
  const wake = (seat: Seat): void => {
    // What was put aside is brought back; the other two only wake.
    if (seat.tab.aside) seat.tab.show()
    else seat.tab.wake(seat.tab.told)
  }
  try {
    for (let tab = 0; tab < 3; tab++) await open()
    await stage.pass(1000)
    for (const step of steps) {
      const seats = there()
      const seat = 'tab' in step ? seats[step.tab % Math.max(1, seats.length)] : undefined
      switch (step.do) {
        case 'emit':
          for (let n = 0; n < step.amount; n++) {
            await stage.emit()
            await stage.pass(7)
          }
          break
        case 'pass':
          await stage.pass(step.amount)
          break
        case 'open':
          await open()
          break
        case 'cut':
          stage.network.cut()
          break
        case 'down':
          stage.network.down = true
          stage.network.cut()
          break
        case 'up':
          stage.network.down = false
          break
        case 'crash leader':
          stage.leader?.crash()
          break
        case 'close':
          if (!seat || seat.tab.frozen) break
          closed.add(seat)
          seat.tab.run(() => seat.client.close())
          break
        case 'crash':
          seat?.tab.crash()
          break
        case 'freeze':
        case 'stand still':
          if (seat && !seat.tab.frozen) seat.tab.freeze(step.do === 'freeze')
          break
        case 'put aside':
          if (seat && !seat.tab.frozen) seat.tab.hide()
          break
        case 'wake':
          if (seat) wake(seat)
          break
        case 'rename':
          if (seat && !seat.tab.frozen) rename(seat)
          break
        case 'publish': {
          const count = seat && published.get(seat)
          if (!seat || !count || seat.tab.frozen) break
          seat.say(++count.asked).then(
            () => count.answered++,
            // Only of a tab that is closed.
            () => {},
          )
        }
      }
      // Only little time, so that what has begun is met by the next step.
      await stage.pass(3)
    }
    stage.network.down = false
    for (const seat of there()) if (seat.tab.frozen) wake(seat)
    await stage.pass(45_000)
    // What was missed shows by now. Whoever only believes to be up to date misses these.
    await stage.emit()
    await stage.pass(1500)
    const members = there()
      .map((seat) => names.get(seat))
      .sort()
    const strangers = there().filter((seat) => seat.members().join() !== members.join())
    return [
      ...judge(stage, there(), published),
      ...strangers.map((seat) => `${seat.tab.name}: sees ${seat.members().join(' + ')} of ${members.join(' + ')}`),
    ]
  } finally {
    await stage.close()
    vi.useRealTimers()
    vi.restoreAllMocks()
  }
}

function judge(
  stage: ReturnType<typeof createStage>,
  seats: readonly Seat[],
  published: ReadonlyMap<Seat, { readonly asked: number; readonly answered: number }>,
): string[] {
  const complaints: string[] = []
  const complain = (seat: Seat, what: string): void => void complaints.push(`${seat.tab.name}: ${what}`)
  for (const seat of seats) {
    const { ticks, said, gaps } = seat
    if (gaps.length > 0) complain(seat, `a gap: ${JSON.stringify(gaps)}`)
    const first = ticks[0] ?? stage.emitted + 1
    const expected = Array.from({ length: stage.emitted + 1 - first }, (_, index) => first + index)
    if (ticks.join() !== expected.join()) complain(seat, `ticks ${ticks.join()} of ${stage.emitted}`)
    const count = published.get(seat)
    if (count?.asked !== count?.answered) complain(seat, `${count?.answered} of ${count?.asked} publishes answered`)
    for (const [publisher, { answered }] of published) {
      const { name } = publisher.tab
      const numbers = said
        .filter((text) => text.startsWith(`${name} `))
        .map((text) => Number(text.split(' ').at(-1)))
      const rising = numbers.every((number, index) => index === 0 || number === (numbers[index - 1] as number) + 1)
      if (!rising) complain(seat, `heard ${name} say ${numbers.join()}`)
      if (publisher === seat && numbers.at(-1) !== (answered || undefined)) complain(seat, `misses its own words`)
    }
  }
  const orders = seats.map(({ said }) => said)
  const longest = orders.reduce((one, other) => (other.length > one.length ? other : one), [])
  for (const [index, order] of orders.entries())
    if (order.join() !== longest.slice(longest.length - order.length).join())
      complaints.push(`${seats[index]?.tab.name}: another order`)
  if (seats.length > 0 && stage.network.streams.length !== 1)
    complaints.push(`${stage.network.streams.length} streams`)
  return complaints
}
