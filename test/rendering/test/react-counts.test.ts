// @vitest-environment jsdom
// What a page costs in React: renders, not milliseconds.

import type { Member } from '@triwire/client'
import { usePresence, useRealtime } from '@triwire/react'
import { act, createElement, memo, type ReactNode, StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { App } from '../src/app.ts'
import { openPage } from '../src/browser.ts'
import { Counter } from '../src/counter.ts'
import { Crowd, type Cursors } from '../src/crowd.ts'

;(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true

let app: App
let crowd: Crowd
let root: Root
let counter: Counter
beforeEach(() => {
  app = new App()
  counter = new Counter('React')
})
afterEach(async () => {
  await act(async () => root.unmount())
  await crowd.net.close()
  vi.restoreAllMocks()
  document.body.replaceChildren()
  await app.close()
})

async function open(page: () => ReactNode): Promise<{ readonly text: () => string | null }> {
  crowd = new Crowd(app, act)
  const { root: element } = openPage('')
  root = createRoot(element)
  await act(async () => root.render(createElement(page)))
  await crowd.net.settle()
  return { text: () => element.textContent }
}

describe('a room of 200', () => {
  type Guest = Member<{ name: string }>
  const Row = memo(({ member }: { member: Guest }) => {
    counter.count('row')
    return createElement('li', null, member.value.name)
  })

  function List(): ReactNode {
    const { members, synced } = usePresence(crowd.chat, { set: { name: 'me' } })
    counter.count('list')
    return createElement(
      'ul',
      null,
      synced,
      members.map((member) => createElement(Row, { key: member.id, member })),
    )
  }

  function Count(): ReactNode {
    const { data } = usePresence(crowd.chat, { select: (members) => members.length })
    counter.count('count')
    return createElement('b', null, data)
  }

  function One(): ReactNode {
    const { data } = usePresence(crowd.chat, {
      select: (members) => members.find(({ value }) => value.name.startsWith('guest 7:'))?.value.name,
    })
    counter.count('one')
    return createElement('i', null, data)
  }

  const page = (): ReactNode => [List, Count, One].map((part) => createElement(part, { key: part.name }))

  test('renders once however many come in a frame, then what has changed and what has selected it', async () => {
    const { text } = await open(page)
    const all = Array.from({ length: 199 }, (_, guest) => `guest ${guest}:`)
    counter.take()
    await crowd.show(all)
    expect(text()).toContain('guest 198:')
    counter.expect('199 join in a frame', { list: 1, row: 199, count: 1, one: 1 })

    await crowd.show({ 7: 'guest 7: away' })
    counter.expect('one changes', { list: 1, row: 1, one: 1 })

    await crowd.show({ 8: 'guest 8: away' })
    counter.expect('another one changes', { list: 1, row: 1 })

    await crowd.show(all.map((name) => `${name} back`))
    counter.expect('all change in a frame', { list: 1, row: 199, one: 1 })

    crowd.me.network.drop()
    await crowd.net.advance(2000)
    // Not up to date, and up to date again; nobody has changed.
    counter.expect('the connection breaks and comes back', { list: 2, count: 2, one: 2 })
  })
})

describe('a channel of pointers that move 60 times a second', () => {
  function All(): ReactNode {
    const { data = {} } = useRealtime(crowd.chat, {
      initial: {} as Cursors,
      reduce: {
        cursor: (all, { x }, { from = '' }) => {
          counter.count('reducer')
          return { ...all, [from]: x }
        },
      },
      on: { cursor: () => counter.count('handler') },
    })
    counter.count('all')
    return createElement('p', null, Object.values(data).join())
  }

  function HowMany(): ReactNode {
    const { data } = useRealtime(crowd.cursors, { select: (all) => Object.keys(all).length })
    counter.count('how many')
    return createElement('b', null, data)
  }

  const page = (): ReactNode => [createElement(All, { key: 'all' }), createElement(HowMany, { key: 'how many' })]

  test.each([
    ['as fast as they may', undefined, 60],
    ['with everyMs: 50', 50, 20],
  ])('renders once per frame, with a selector when that changes: %s', async (how, everyMs, frames) => {
    const { text } = await open(page)
    counter.take()
    await crowd.movePointers(10, everyMs)
    // The last of each has come, whatever was left out before it.
    expect(text()).toBe(`${Array.from({ length: 10 }, () => 60).join()}10`)
    const heard = frames * 10
    counter.expect(`10 pointers for a second, ${how}`, {
      reducer: heard,
      handler: heard,
      all: frames,
      'how many': 1,
    })
  })
})

test('of 1,000 events in a frame all are folded and handled, and one render shows them', async () => {
  function Lobby(): ReactNode {
    const { data = [] } = useRealtime(crowd.me.channels.lobby(), {
      initial: [],
      reduce: {
        message: (list, message) => {
          counter.count('reducer')
          return [...list, message]
        },
      },
      on: { message: () => counter.count('handler') },
    })
    counter.count('render')
    return data.length
  }
  const { text } = await open(() => createElement(Lobby))
  counter.take()
  for (let n = 0; n < 1000; n++) void app.realtime.channels.lobby().emit('message', { text: String(n) })
  await crowd.net.settle()
  expect(text()).toBe('1000')
  counter.expect('1,000 events in a frame', { reducer: 1000, handler: 1000, render: 1 })
})

test('of 1,000 mounts and unmounts under StrictMode nothing is left: no channel, no wire, no timer', async () => {
  vi.useFakeTimers()
  try {
    function Room(): ReactNode {
      const { status } = useRealtime(crowd.cursors, { on: { message: () => {} } })
      const { data } = usePresence(crowd.chat, { set: { name: 'me' }, select: (members) => members.length })
      return `${status} ${data}`
    }
    const { text } = await open(() => null)
    const strict = createElement(StrictMode, null, createElement(Room))
    const cycle = async (lasts: boolean): Promise<void> => {
      await act(async () => root.render(strict))
      // Now and then long enough for all of it to come about, and to be let go.
      if (lasts) {
        await crowd.net.settle()
        expect([text(), app.occupied.size]).toEqual(['live 1', 1])
      }
      await act(async () => root.render(null))
      if (lasts) await crowd.net.advance(1100)
    }
    // What the server keeps for a while once it has had anybody is no matter of the page.
    await cycle(true)
    await crowd.net.advance(60_000)
    const timers = vi.getTimerCount()
    for (let n = 1; n <= 1000; n++) await cycle(n % 20 === 0)
    await crowd.net.advance(60_000)
    expect(crowd.me.connection.getSnapshot().state).toBe('idle')
    expect([app.occupied.size, vi.getTimerCount() - timers]).toEqual([0, 0])
  } finally {
    // Closed on the time that it was opened on.
    await crowd.net.close()
    vi.useRealTimers()
  }
})
