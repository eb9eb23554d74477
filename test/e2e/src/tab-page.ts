// What runs in each page of the site whose tabs share a wire. `globalThis.tab` is what a test reads.
import { createClient } from '@triwire/client'
import { shareTabs } from '@triwire/client/tabs'
import type { api } from './tabs-site.ts'

/** What a page has heard. */
export interface PageTab {
  readonly ticks: readonly number[]
  readonly said: readonly string[]
  readonly gaps: number
  readonly say: (n: number) => Promise<unknown>
}

const name = location.hash.slice(1)
const { channels } = createClient<typeof api>({ url: '/rt', wires: ['sse', 'polling'], tabs: shareTabs() })
const ticks: number[] = []
const said: string[] = []
let gaps = 0
channels.ticks().on({ tick: ({ n }) => ticks.push(n), $gap: () => gaps++ })
channels.said().on({ said: ({ from, n }) => said.push(`${from} ${n}`), $gap: () => gaps++ })
const tab: PageTab = {
  ticks,
  said,
  get gaps() {
    return gaps
  },
  say: (n) => channels.said().publish('said', { from: name, n }),
}
Object.assign(globalThis, { tab })
// Says which page holds which of the browser's locks.
void navigator.locks.request(`page ${name}`, () => new Promise(() => {}))
