import { createRequire } from 'node:module'
import type * as React from 'react'
import type { Root } from 'react-dom/client'
import { expect, test, vi } from 'vitest'
import { RealtimeProvider, useConnection, usePresence, useRealtime } from '../src/index.ts'
import { FakeChannel, fakeClient } from './fake-channel.ts'

// The newest React is installed under its own name; here everything gets React 18 instead, `react-dom-18` too,
// which asks for `react` by its own means.
const react = vi.hoisted(async () => {
  const { default: Module } = await import('node:module')
  const loader = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string }
  const resolve = loader._resolveFilename
  loader._resolveFilename = (request, ...rest) =>
    resolve.call(loader, request.replace(/^react(?=$|\/)/, 'react-18'), ...rest)
  const require = Module.createRequire(import.meta.url)
  return require('react-18') as typeof React
})
vi.mock('react', () => react)

interface Props {
  readonly chat: FakeChannel<'chat'>
  readonly seen: string[]
  readonly name: string
}

function Page({ chat, seen, name }: Props): string {
  const { status, data } = useRealtime(chat.handle, {
    initial: 0,
    reduce: { message: (n) => n + 1 },
    on: { message: () => seen.push(name) },
  })
  const { members } = usePresence(chat.handle, { set: { name } })
  return `${status} ${data} ${members.length} ${useConnection().state}`
}

test('the hooks run on React 18: one subscription under StrictMode, newest closures, none left', async () => {
  ;(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true
  const require = createRequire(import.meta.url)
  const { act, createElement, StrictMode, version } = await react
  const { createRoot } = require('react-dom-18/client') as { createRoot(element: Element): Root }
  const complain = vi.spyOn(console, 'error')
  expect(version).toMatch(/^18\./)

  const chat = new FakeChannel('chat', 'a')
  const client = fakeClient('online')
  const seen: string[] = []
  const container = document.createElement('div')
  const root = createRoot(container)
  const render = (name: string) =>
    act(() => {
      const page = createElement(Page, { chat, seen, name })
      root.render(createElement(StrictMode, null, createElement(RealtimeProvider, { client }, page)))
    })
  render('a')
  expect([chat.open, container.textContent]).toEqual([2, 'joining undefined 0 online'])
  act(() => chat.emit('message', {}))
  render('b')
  act(() => chat.emit('message', {}))
  act(() => chat.present('Bob'))
  expect(container.textContent).toBe('live 2 1 online')
  expect(seen).toEqual(['a', 'b'])
  act(() => root.unmount())
  expect([chat.open, client.listeners.size]).toEqual([0, 0])
  expect(complain.mock.calls).toEqual([])
})
