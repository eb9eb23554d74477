// The pages of the guide, running: each page's own server on a free port, its React and its Vue component side by side in
// one document, and what the page says they do.

import '../src/document.ts'
import type { Servable } from '@triwire/server'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { loadSnippet, serveOnFreePort, startPage } from '../src/page-server.ts'
import { guidePages } from '../src/repository.ts'
import { mountBoth, type Pair } from '../src/side-by-side.ts'
import { snippetsOf, writeSnippets } from '../src/snippets.ts'

type Exports = Readonly<Record<string, (...values: unknown[]) => Promise<unknown>>>

afterEach(() => localStorage.clear())

/** Starts a page for a user, and mounts its component twice. What `prepare` does comes first. */
async function open(
  page: string,
  component: string,
  props: object,
  { token = 'ann', prepare }: { token?: string; prepare?: (realtime: Exports) => unknown } = {},
): Promise<{ both: Pair; realtime: Exports }> {
  localStorage.setItem('token', token)
  const running = await startPage(`docs/guide/${page}.md`)
  onTestFinished(() => running.close())
  const realtime = await running.load<Exports>('realtime.ts')
  await prepare?.(realtime)
  const react = await running.load<Record<string, never>>(`${component}.tsx`)
  const vue = await running.load<{ default: never }>(`${component}.vue`)
  const both = mountBoth(react[component] as never, vue.default, props)
  onTestFinished(() => both.unmount())
  return { both, realtime }
}

describe('a page of the guide does the same in React and in Vue:', () => {
  test('events, with those of before and one of its own', async () => {
    const { both, realtime } = await open(
      'events',
      'Orders',
      { shopId: 'corner-shop' },
      { prepare: ({ placeOrder }) => placeOrder?.('corner-shop', { id: 'o1', total: 5 }) },
    )
    await both.shows('li', ['o1: 5 open'])
    await realtime.placeOrder?.('corner-shop', { id: 'o2', total: 7 })
    await both.shows('li', ['o1: 5 open', 'o2: 7 open'])
    await both.click('react')
    await both.shows('p', ['Your note is out.'])
  })

  test('events, where one may not join', async () => {
    const { both } = await open('events', 'Orders', { shopId: 'other-shop' })
    await both.shows('p', ['You do not work here.'])
  })

  test('signals, which are said again until both have joined', async () => {
    const { both, realtime } = await open('signals', 'Board', { id: 'b1' })
    const progress = () =>
      [both.react, both.vue].map((side) => side.querySelector('progress')?.getAttribute('value'))
    await expect
      .poll(async () => {
        await realtime.tellProgress?.('b1', 0.5)
        return progress()
      })
      .toEqual(['0.5', '0.5'])
  })

  test('presence, and a value that changes', async () => {
    const { both, realtime } = await open('presence', 'Readers', {
      path: '/home',
      me: { userId: 'ann', name: 'Ann' },
    })
    await both.shows('span', ['Ann (reading)'])
    expect(await realtime.readersOf?.('/home')).toEqual(['Ann'])
    await both.click('vue')
    await both.shows('span', ['Ann (editing)'])
  })

  test('presence, where one may watch and not be seen', async () => {
    const props = { path: '/home', me: { userId: 'guest', name: 'Guest' } }
    const { both } = await open('presence', 'Readers', props, { token: 'guest' })
    await both.shows('p', ['You may not do this here.'])
  })

  test('commands, answered and refused', async () => {
    const { both } = await open('commands', 'Seats', { showId: 's1' })
    const disabled = () => both.vue.querySelectorAll('button:disabled').length
    await both.click('react')
    await expect.poll(() => both.react.querySelector('p')?.textContent).toMatch(/^Your ticket: [\w-]{16}\.1$/)
    await expect.poll(disabled).toBe(1)
    // As somebody who had not heard of it yet would.
    both.vue.querySelector('button')?.removeAttribute('disabled')
    await both.click('vue')
    await expect.poll(() => both.vue.querySelector('p')?.textContent).toBe('Seat A1 is taken. Choose another one.')
  })

  test('snapshots, and the events behind them', async () => {
    const { both, realtime } = await open(
      'snapshot',
      'Tasks',
      { listId: 'l1' },
      { prepare: ({ saveTask }) => saveTask?.('l1', { id: '1', title: 'milk', done: false }) },
    )
    await both.shows('li', ['milk'])
    await realtime.saveTask?.('l1', { id: '1', title: 'milk', done: true })
    await realtime.saveTask?.('l1', { id: '2', title: 'bread', done: false })
    await both.shows('li', ['milk', 'bread'])
    await both.shows('s', ['milk'])
  })
})

test('public logs are followed by plain requests, from now on or from some events before', async () => {
  const workshop = writeSnippets(guidePages().flatMap(snippetsOf))
  onTestFinished(() => workshop.remove())
  const page = 'docs/guide/public-logs.md'
  const { realtime, goal } = await loadSnippet<{
    realtime: Servable & { close(): Promise<void> }
    goal(match: string, by: string, minute: number): Promise<void>
  }>(workshop, page, 'realtime.ts')
  const { follow } = await loadSnippet<{
    follow(url: string, onEvent: (event: { d: unknown }) => void, signal: AbortSignal): Promise<void>
  }>(workshop, page, 'follow.ts')
  const { origin, close } = await serveOnFreePort(realtime)
  onTestFinished(close)
  const stop = new AbortController()
  const log = `${origin}/rt/log/scores/final`
  const heard: unknown[] = []
  await goal('final', 'Ann', 3)
  await goal('final', 'Bob', 14)
  const following = follow(`${log}?tail=1`, ({ d }) => heard.push(d), stop.signal)
  await expect.poll(() => heard).toEqual([{ by: 'Bob', minute: 14 }])
  await goal('final', 'Eve', 15)
  await expect.poll(() => heard).toHaveLength(2)
  stop.abort()
  await following
})
