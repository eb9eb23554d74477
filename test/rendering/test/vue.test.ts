// @vitest-environment jsdom
import { provideRealtime, type RenderedSnapshots, useRealtime } from '@triwire/vue'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Component, createApp, createSSRApp, defineComponent, h, KeepAlive, ref, Suspense } from 'vue'
import { renderToString } from 'vue/server-renderer'
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

const until = (isSo: () => boolean): Promise<void> => vi.waitFor(() => expect(isSo()).toBe(true))

function messages(room: Room, from?: From, heard: string[] = []): Component {
  return defineComponent(() => {
    const { data, status } = useRealtime(room({ roomId: '1' }), {
      from,
      on: { message: ({ text }) => heard.push(text) },
    })
    const { data: count } = useRealtime(() => room({ roomId: '1' }), { from, select: (list) => list.length })
    return () => h('p', `${count.value}: ${data.value?.map(({ text }) => text) ?? status.value}`)
  })
}

/** A component that awaits, below a boundary that waits for it. */
function awaiting(room: Room, heard: string[] = []): Component {
  const Child = defineComponent({
    async setup() {
      const { data, status, commands } = await useRealtime(room({ roomId: '1' }), {
        on: { message: ({ text }) => heard.push(text) },
      })
      return () =>
        h(
          'button',
          { onClick: () => commands.send({ text: 'mine' }) },
          `${status.value === 'joining' ? '?' : ''}${data.value?.map(({ text }) => text)}`,
        )
    },
  })
  return defineComponent(
    () => () => h(Suspense, null, { default: () => h(Child), fallback: () => h('i', 'waiting') }),
  )
}

describe('a page that was rendered on a server', () => {
  test('hydrates to what it shows, goes on behind it, and opens one wire', async () => {
    await app.say('one')
    const rendering = app.createClient()
    const from = await rendering.room({ roomId: '1' }).snapshot()
    const html = await renderToString(createSSRApp(messages(rendering.room, from)))
    expect(html).toBe('<p>1: one</p>')
    await app.say('two')

    const { root, complaints } = openPage(html)
    const heard: string[] = []
    const hydrated = createSSRApp(messages(app.createClient().room, JSON.parse(JSON.stringify(from)), heard))
    hydrated.mount(root)
    expect(root.innerHTML).toBe(html)
    await until(() => root.textContent === '2: one,two')
    await app.say('three')
    await until(() => root.textContent === '3: one,two,three')
    expect([heard, complaints, app.wires]).toEqual([['two', 'three'], [], 1])
    hydrated.unmount()
  })

  test('that awaited its channel hands over what it was rendered with', async () => {
    await app.say('one')
    const rendering = app.createClient()
    const context: { triwire?: RenderedSnapshots } = {}
    const html = await renderToString(createSSRApp(awaiting(rendering.room)), context)
    expect(html).toBe('<button>one</button>')
    expect(app.requests).toEqual(['/rt/poll'])
    await app.say('two')

    const { root, complaints } = openPage(html)
    const { client, room } = app.createClient()
    const heard: string[] = []
    const hydrated = createSSRApp(awaiting(room, heard))
    provideRealtime(client, hydrated, JSON.parse(JSON.stringify(context.triwire)))
    hydrated.mount(root)
    expect(root.innerHTML).toBe(html)
    await until(() => root.textContent === 'one,two')
    expect([heard, complaints, app.wires]).toEqual([['two'], [], 1])
    hydrated.unmount()
  })
})

describe('awaiting in a browser', () => {
  test('waits below Suspense until the channel is joined', async () => {
    await app.say('one')
    const { root, complaints } = openPage('')
    const mounted = createApp(awaiting(app.createClient().room))
    mounted.mount(root)
    expect(root.textContent).toBe('waiting')
    await until(() => root.textContent === 'one')
    root.querySelector('button')?.click()
    await until(() => root.textContent === 'one,mine')
    expect([complaints, app.wires]).toEqual([[], 1])
    mounted.unmount()
  })

  test('gives what there is without awaiting, and spreading it gives no promise', async () => {
    const { room } = app.createClient()
    let result: object = {}
    const mounted = createApp(
      defineComponent(() => {
        result = { ...useRealtime(room({ roomId: '1' })) }
        return () => null
      }),
    )
    mounted.mount(document.createElement('div'))
    expect(await result).toBe(result)
    expect(Object.keys(result)).toContain('data')
    mounted.unmount()
  })
})

describe('KeepAlive', () => {
  test('keeps a deactivated component up to date, over the same wire', async () => {
    const { room } = app.createClient()
    const Room = messages(room)
    const Other = defineComponent(() => () => h('i', 'elsewhere'))
    const shown = ref(true)
    const { root } = openPage('')
    const mounted = createApp(defineComponent(() => () => h(KeepAlive, () => (shown.value ? h(Room) : h(Other)))))
    mounted.mount(root)
    await until(() => root.textContent === '0: ')
    shown.value = false
    await until(() => root.textContent === 'elsewhere')
    await app.say('meanwhile')
    shown.value = true
    await until(() => root.textContent === '1: meanwhile')
    expect(app.wires).toBe(1)
    mounted.unmount()
  })
})
