import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { createClient } from '@triwire/client'
import { testNetwork } from '@triwire/test'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask, realtime } from './answers.ts'
import { app } from './app.ts'
import type { Api } from './contract.ts'
import { readAnswer, wholeAnswer } from './read-answer.ts'

describe('an answer', () => {
  function open(id: string) {
    const net = testNetwork(realtime)
    onTestFinished(() => net.close())
    const read = () => {
      const client = net.client()
      const observer = readAnswer(client.channels.answer({ id }))
      const shown: string[] = []
      observer.subscribe(() => shown.push(observer.getSnapshot().data?.text ?? ''))
      return { network: client.network, shown, state: () => observer.getSnapshot() }
    }
    return { net, read }
  }

  test('grows word by word, and ends with a word that says so', async () => {
    const { net, read } = open('growing')
    const reader = read()
    await net.settle()
    expect(reader.state()).toMatchObject({ status: 'live', data: { text: '', ended: null } })
    const finished = ask('growing', 'why?')
    // Three words, and a frame to show them.
    await net.advance(110)
    expect(reader.state().data).toEqual({ text: 'You asked "why?". ', ended: null })
    await net.advance(60_000)
    expect(reader.state().data).toEqual({ ...(await finished), ended: 'done' })
    // Every state shown is the one before it and more.
    for (const [index, text] of reader.shown.entries())
      expect(text.startsWith(reader.shown[index - 1] ?? '')).toBe(true)
  })

  test('is whole for whoever comes late, and for whoever was away', async () => {
    const { net, read } = open('shared')
    const early = read()
    await net.settle()
    const finished = ask('shared', 'why?')
    await net.advance(300)
    const late = read()
    await net.settle()
    expect(late.state().data?.text).toBe(early.state().data?.text)
    early.network.drop()
    late.network.offline()
    await net.advance(400)
    late.network.block('websocket')
    late.network.online()
    await net.advance(60_000)
    const answer = await finished
    expect(early.state().data).toEqual(answer)
    expect(late.state().data).toEqual(answer)
    const afterwards = read()
    await net.settle()
    expect(afterwards.state().data).toEqual(answer)
  })

  test('that fails half-way says so, with what there is', async () => {
    const { net, read } = open('failing')
    const reader = read()
    void ask('failing', 'fail')
    await net.advance(60_000)
    expect(reader.state().data).toEqual({ text: 'You asked "fail". The answer ', ended: 'failed' })
  })
})

test('goes on when the request that started it is aborted', async () => {
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  if (!server.listening) await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = createClient<Api>({ url: `${url}/rt`, wires: ['sse'] })
  onTestFinished(async () => {
    client.close()
    await realtime.close()
    server.close()
  })

  const channel = client.channels.answer({ id: 'aborted' })
  const request = new AbortController()
  channel.on({ token: () => request.abort() })
  const whole = wholeAnswer(channel)
  const response = fetch(`${url}/answers/aborted`, {
    method: 'PUT',
    body: JSON.stringify({ prompt: 'why?' }),
    signal: request.signal,
  })
  await expect(response).rejects.toMatchObject({ name: 'AbortError' })
  const answer = await whole
  expect(answer.ended).toBe('done')
  expect(answer).toEqual(await ask('aborted', 'why?'))
})
