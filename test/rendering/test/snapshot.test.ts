import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { App } from '../src/app.ts'

let app: App
beforeEach(() => {
  app = new App()
})
afterEach(() => app.close())

describe('a snapshot', () => {
  test('comes by one request, without a wire, with the cursor that it belongs to', async () => {
    await app.say('one')
    const { client } = app.createClient()
    const snapshot = await client.channels.chat({ roomId: '1' }).snapshot()
    expect(snapshot).toEqual({
      data: { messages: [{ id: 'm1', text: 'one' }] },
      cursor: expect.stringMatching(/:1:/),
    })
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
    expect(app.requests).toEqual(['/rt/poll'])
  })

  test('says which events it may contain already', async () => {
    app.onSnapshot = () => app.say('meanwhile')
    const { client } = app.createClient()
    const { data, cursor, overlapTo } = await client.channels.chat({ roomId: '1' }).snapshot()
    expect([data.messages, cursor, overlapTo]).toEqual([[], expect.stringMatching(/:0:0$/), 1])
  })

  test('is asked for with the token, and refused like a join', async () => {
    const staff = { roomId: 'staff' }
    await expect(app.createClient().client.channels.chat(staff).snapshot()).rejects.toMatchObject({
      code: 'forbidden',
    })
    await expect(app.createClient('root').client.channels.chat(staff).snapshot()).resolves.toMatchObject({
      data: { messages: [] },
    })
  })

  test('of a channel that has none is refused with what to do', async () => {
    await expect(app.createClient().client.channels.lobby().snapshot()).rejects.toMatchObject({
      code: 'no_snapshot',
    })
  })
})

describe('a view that begins at a snapshot', () => {
  test('resumes behind it: each event once, no second snapshot, whatever the snapshot held already', async () => {
    app.onSnapshot = () => app.say('meanwhile')
    const from = await app.createClient().client.channels.chat({ roomId: '1' }).snapshot()
    app.onSnapshot = () => expect.fail('a second snapshot')
    await app.say('later')
    const { room } = app.createClient()
    const heard: string[] = []
    const observer = room({ roomId: '1' }).observe({ from, on: { message: ({ text }) => heard.push(text) } })
    expect(observer.getSnapshot()).toMatchObject({ status: 'stale', data: [] })
    const live = new Promise<void>((resolve) => {
      observer.subscribe(() => observer.getSnapshot().status === 'live' && resolve())
    })
    await live
    expect(observer.getSnapshot().data?.map(({ text }) => text)).toEqual(['meanwhile', 'later'])
    expect(heard).toEqual(['meanwhile', 'later'])
  })

  test.each([
    ['a gap', 'e:1:t'],
    ['no cursor', 'nonsense'],
  ])('where %s makes it impossible takes a fresh one', async (_, cursor) => {
    await app.say('one')
    const { room } = app.createClient()
    const observer = room({ roomId: '1' }).observe({ from: { data: { messages: [] }, cursor } })
    const live = new Promise<void>((resolve) => {
      observer.subscribe(() => observer.getSnapshot().status === 'live' && resolve())
    })
    await live
    expect(observer.getSnapshot().data).toEqual(app.messages)
  })
})
