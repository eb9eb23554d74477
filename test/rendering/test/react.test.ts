// @vitest-environment jsdom

import type { ChannelSnapshot } from '@triwire/client'
import { preload, useRealtime, useSuspenseRealtime } from '@triwire/react'
import { Component, createElement, type ReactNode, StrictMode, Suspense } from 'react'
import { flushSync } from 'react-dom'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { renderToReadableStream } from 'react-dom/server.edge'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { App, type Room } from '../src/app.ts'
import { openPage } from '../src/browser.ts'

let app: App
beforeEach(() => {
  app = new App()
})
afterEach(async () => {
  vi.restoreAllMocks()
  document.body.replaceChildren()
  await app.close()
})

type From = Awaited<ReturnType<ReturnType<Room>['snapshot']>>

interface Props {
  readonly room: Room
  readonly from?: From
  readonly heard?: string[]
}

/** Every text that was rendered. */
let renders: string[] = []
beforeEach(() => {
  renders = []
})

function Messages({ room, from, heard }: Props): ReactNode {
  const { data = [], status } = useRealtime(room({ roomId: '1' }), {
    from,
    on: { message: ({ text }) => void heard?.push(text) },
  })
  renders.push(`${status}: ${data.map(({ text }) => text)}`)
  return createElement(
    'ul',
    null,
    data.map(({ id, text }) => createElement('li', { key: id }, text)),
  )
}

function Count({ room, from }: Props): ReactNode {
  const { data } = useRealtime(room({ roomId: '1' }), { from, select: (list) => list.length })
  return createElement('b', null, data)
}

const page = (props: Props): ReactNode =>
  createElement(StrictMode, null, createElement(Count, props), createElement(Messages, props))

/** Lets effects, requests and frames happen until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(isSo()).toBe(true))
}

describe('a page that was rendered on a server', () => {
  test('hydrates to what it shows, goes on behind it, and opens one wire', async () => {
    await app.say('one')
    const rendering = app.createClient()
    const from = await rendering.room({ roomId: '1' }).snapshot()
    const html = renderToString(page({ room: rendering.room, from }))
    expect(html).toBe('<b>1</b><ul><li>one</li></ul>')
    // Between the server's rendering and the page's first breath.
    await app.say('two')

    const { root, complaints } = openPage(html)
    const heard: string[] = []
    const recovered: unknown[] = []
    const { room } = app.createClient()
    renders = []
    const sent = JSON.parse(JSON.stringify(from)) as From
    const hydrated = hydrateRoot(root, page({ room, from: sent, heard }), {
      onRecoverableError: (error) => recovered.push(error),
    })
    await until(() => root.textContent === '2onetwo')
    await app.say('three')
    await until(() => root.textContent === '3onetwothree')
    expect(heard).toEqual(['two', 'three'])
    // Never without what the server had shown: no flash.
    expect(renders.every((text) => text.includes('one'))).toBe(true)
    expect([recovered, complaints, app.wires]).toEqual([[], [], 1])
    hydrated.unmount()
  })

  test('without a snapshot shows that it joins, on both sides', async () => {
    await app.say('one')
    const html = renderToString(page({ room: app.createClient().room }))
    const { root, complaints } = openPage(html)
    const { room } = app.createClient()
    const hydrated = hydrateRoot(root, page({ room }))
    await until(() => root.textContent === '1one')
    expect([complaints, app.wires]).toEqual([[], 1])
    hydrated.unmount()
  })
})

describe('useSuspenseRealtime', () => {
  function Room({ room, from, heard }: Props): ReactNode {
    const { data, commands, underWay } = useSuspenseRealtime(room({ roomId: '1' }), {
      from,
      on: { message: ({ text }) => void heard?.push(text) },
    })
    return createElement(
      'button',
      { type: 'button', onClick: () => void commands.send({ text: 'mine' }) },
      `${data.map(({ text }) => text)} ${underWay.length}`,
    )
  }

  class Boundary extends Component<{ children: ReactNode }, { error?: { code: string } }> {
    override state: { error?: { code: string } } = {}
    static getDerivedStateFromError(error: { code: string }): object {
      return { error }
    }
    override render(): ReactNode {
      return this.state.error ? this.state.error.code : this.props.children
    }
  }

  const suspended = (children: ReactNode): ReactNode =>
    createElement(StrictMode, null, createElement(Suspense, { fallback: 'waiting' }, children))

  test('waits for the state, once, over one wire, under StrictMode', async () => {
    await app.say('one')
    const { room } = app.createClient()
    const { root, complaints } = openPage('')
    const mounted = createRoot(root)
    mounted.render(suspended(createElement(Room, { room })))
    await until(() => root.textContent === 'waiting')
    await until(() => root.textContent === 'one 0')
    root.querySelector('button')?.click()
    await until(() => root.textContent === 'one,mine 0')
    expect([complaints, app.wires, app.requests.filter((path) => path === '/rt/poll')]).toEqual([[], 1, []])
    mounted.unmount()
  })

  test('several that are preloaded are joined together', async () => {
    const { room } = app.createClient()
    const ids = ['1', '2', '3']
    function Three(): ReactNode {
      const rooms = ids.map((roomId) => room({ roomId }))
      for (const one of rooms) preload(one)
      const [a, b, c] = rooms as [(typeof rooms)[0], (typeof rooms)[0], (typeof rooms)[0]]
      const first = useSuspenseRealtime(a)
      const second = useSuspenseRealtime(b)
      const third = useSuspenseRealtime(c)
      return [first, second, third].map(({ data }) => data.length).join()
    }
    const { root } = openPage('')
    const mounted = createRoot(root)
    mounted.render(suspended(createElement(Three)))
    await until(() => root.textContent === '0,0,0')
    expect(app.wires).toBe(1)
    mounted.unmount()
  })

  test('a component that leaves while it waits leaves nothing behind', async () => {
    vi.useFakeTimers()
    try {
      const { client, room } = app.createClient()
      // A server that never says anything.
      vi.spyOn(app, 'fetch').mockImplementation(() => new Promise(() => {}))
      const { root } = openPage('')
      const mounted = createRoot(root)
      flushSync(() => mounted.render(suspended(createElement(Room, { room }))))
      expect(root.textContent).toBe('waiting')
      mounted.unmount()
      await vi.advanceTimersByTimeAsync(20_000)
      expect(client.connection.getSnapshot().state).toBe('idle')
    } finally {
      vi.useRealTimers()
    }
  })

  test('throws a refusal to the error boundary', async () => {
    const { room } = app.createClient()
    const staff: Room = () => room({ roomId: 'staff' })
    const { root } = openPage('')
    const mounted = createRoot(root)
    mounted.render(suspended(createElement(Boundary, null, createElement(Room, { room: staff }))))
    await until(() => root.textContent === 'forbidden')
    mounted.unmount()
  })

  test('streams from a server with its snapshot and hydrates without a complaint', async () => {
    await app.say('one')
    const rendering = app.createClient()
    const from: ChannelSnapshot<{ messages: { id: string; text: string }[] }> = await rendering
      .room({ roomId: '1' })
      .snapshot()
    const stream = await renderToReadableStream(suspended(createElement(Room, { room: rendering.room, from })))
    const { root, complaints } = openPage(await new Response(stream).text())
    expect(root.textContent).toBe('one 0')
    const recovered: unknown[] = []
    const { room } = app.createClient()
    const hydrated = hydrateRoot(root, suspended(createElement(Room, { room, from })), {
      onRecoverableError: (error) => recovered.push(error),
    })
    await app.say('two')
    await until(() => root.textContent === 'one,two 0')
    expect([recovered, complaints, app.wires]).toEqual([[], [], 1])
    hydrated.unmount()
  })
})
