// @vitest-environment jsdom
// What a page costs in Vue: renders, not milliseconds.

import type { Member } from '@triwire/client'
import { usePresence, useRealtime } from '@triwire/vue'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type Component,
  createApp,
  defineComponent,
  h,
  nextTick,
  type PropType,
  ref,
  type App as VueApp,
} from 'vue'
import { App } from '../src/app.ts'
import { openPage } from '../src/browser.ts'
import { Counter } from '../src/counter.ts'
import { Crowd, type Cursors } from '../src/crowd.ts'

let app: App
let crowd: Crowd
let mounted: VueApp
let counter: Counter
beforeEach(() => {
  app = new App()
  counter = new Counter('Vue')
})
afterEach(async () => {
  mounted.unmount()
  await crowd.net.close()
  vi.restoreAllMocks()
  document.body.replaceChildren()
  await app.close()
})

async function open(parts: readonly Component[]): Promise<{ readonly text: () => string | null }> {
  crowd = new Crowd(app)
  const { root } = openPage('')
  mounted = createApp(defineComponent(() => () => parts.map((part) => h(part))))
  mounted.mount(root)
  await crowd.net.settle()
  return { text: () => root.textContent }
}

describe('a room of 200', () => {
  const Row = defineComponent({
    props: { member: { type: Object as PropType<Member<{ name: string }>>, required: true } },
    setup: (props) => () => {
      counter.count('row')
      return h('li', props.member.value.name)
    },
  })

  const List = defineComponent(() => {
    const { members, synced } = usePresence(crowd.chat, { set: { name: 'me' } })
    return () => {
      counter.count('list')
      return h('ul', [String(synced.value), ...members.value.map((member) => h(Row, { key: member.id, member }))])
    }
  })

  const Count = defineComponent(() => {
    const { data } = usePresence(crowd.chat, { select: (members) => members.length })
    return () => {
      counter.count('count')
      return h('b', data.value)
    }
  })

  const One = defineComponent(() => {
    const { data } = usePresence(crowd.chat, {
      select: (members) => members.find(({ value }) => value.name.startsWith('guest 7:'))?.value.name,
    })
    return () => {
      counter.count('one')
      return h('i', data.value)
    }
  })

  test('renders once however many come in a frame, then what has changed and what has selected it', async () => {
    const { text } = await open([List, Count, One])
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
    counter.expect('the connection breaks and comes back', { list: 2 })
  })
})

describe('a channel of pointers that move 60 times a second', () => {
  const All = defineComponent(() => {
    const { data } = useRealtime(crowd.chat, {
      initial: {} as Cursors,
      reduce: {
        cursor: (all, { x }, { from = '' }) => {
          counter.count('reducer')
          return { ...all, [from]: x }
        },
      },
      on: { cursor: () => counter.count('handler') },
    })
    return () => {
      counter.count('all')
      return h('p', Object.values(data.value ?? {}).join())
    }
  })

  const HowMany = defineComponent(() => {
    const { data } = useRealtime(crowd.cursors, { select: (all) => Object.keys(all).length })
    return () => {
      counter.count('how many')
      return h('b', data.value)
    }
  })

  test.each([
    ['as fast as they may', undefined, 60],
    ['with everyMs: 50', 50, 20],
  ])('renders once per frame, with a selector when that changes: %s', async (how, everyMs, frames) => {
    const { text } = await open([All, HowMany])
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
  const Lobby = defineComponent(() => {
    const { data } = useRealtime(crowd.me.channels.lobby(), {
      initial: [],
      reduce: {
        message: (list, message) => {
          counter.count('reducer')
          return [...list, message]
        },
      },
      on: { message: () => counter.count('handler') },
    })
    return () => {
      counter.count('render')
      return h('p', data.value?.length)
    }
  })
  const { text } = await open([Lobby])
  counter.take()
  for (let n = 0; n < 1000; n++) void app.realtime.channels.lobby().emit('message', { text: String(n) })
  await crowd.net.settle()
  expect(text()).toBe('1000')
  counter.expect('1,000 events in a frame', { reducer: 1000, handler: 1000, render: 1 })
})

test('of 1,000 mounts and unmounts nothing is left: no channel, no wire, no timer', async () => {
  vi.useFakeTimers()
  try {
    const shown = ref(false)
    const Room = defineComponent(() => {
      const { status } = useRealtime(crowd.cursors, { on: { message: () => {} } })
      const { data } = usePresence(crowd.chat, { set: { name: 'me' }, select: (members) => members.length })
      return () => h('p', `${status.value} ${data.value}`)
    })
    const { text } = await open([defineComponent(() => () => shown.value && h(Room))])
    const cycle = async (lasts: boolean): Promise<void> => {
      shown.value = true
      await nextTick()
      // Now and then long enough for all of it to come about, and to be let go.
      if (lasts) {
        await crowd.net.settle()
        expect([text(), app.occupied.size]).toEqual(['live 1', 1])
      }
      shown.value = false
      await nextTick()
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
