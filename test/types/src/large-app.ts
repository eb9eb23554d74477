/**
 * An app as large as they get, as text for the compiler: a contract of many channels with ten events each, a server that
 * implements them, and a component for each channel. Components take turns in what they ask of a hook, and every channel
 * has its own names and types, so that nothing is computed once for all.
 */

/** Events of each channel. */
const EVENTS = 10

/** Files by name. */
export type Files = Readonly<Record<string, string>>

/** An app of so many channels, with a hook for each. */
export function largeApp(channels: number, framework: 'react' | 'vue'): Files {
  const numbers = Array.from({ length: channels }, (_, index) => index)
  return {
    'contract.ts': contract(numbers),
    'realtime.ts': server(numbers),
    'client.ts': CLIENT,
    'hooks.ts': [
      `import { usePresence, useRealtime } from '@triwire/${framework}'`,
      `import { rt, views } from './client.ts'`,
      ...numbers.map((number) => hook(number, framework)),
    ].join('\n'),
  }
}

const CLIENT = `import { createClient, view } from '@triwire/client'
import type { Api } from './contract.ts'
export const rt = createClient<Api>({ url: '/rt' }).channels
export const views = {
  room: view(rt.channel3, {
    initial: ({ items }) => ({ items }),
    reduce: { event3x0: (state, { at3x0 }) => ({ items: [...state.items, { id: at3x0, done: false }] }) },
    optimistic: { add3: (state, { id }) => ({ items: [...state.items, { id, done: false }] }) },
  }),
}
`

function contract(numbers: readonly number[]): string {
  return [
    `import { channel, contract } from '@triwire/protocol'`,
    `import { z } from 'zod'`,
    `export const api = contract({`,
    ...numbers.map(channel),
    `})`,
    `export type Api = typeof api`,
  ].join('\n')
}

function channel(number: number): string {
  const events = Array.from(
    { length: EVENTS },
    (_, event) =>
      `event${number}x${event}: z.object({ at${number}x${event}: z.string(), day: z.date(), tags: z.array(z.string()) }),`,
  )
  return `channel${number}: channel('channel${number}/:id${number}', {
  events: { ${events.join('\n    ')} },
  publish: ['event${number}x1'],
  signals: { signal${number}: z.object({ x${number}: z.number() }) },
  presence: z.object({ name${number}: z.string() }),
  commands: { add${number}: { input: z.object({ id: z.string() }), output: z.object({ n${number}: z.number() }) } },
  snapshot: z.object({ items: z.array(z.object({ id: z.string(), done: z.boolean() })) }),
}),`
}

function server(numbers: readonly number[]): string {
  return [
    `import { createRealtime } from '@triwire/server'`,
    `import { api } from './contract.ts'`,
    // One statement per channel, as apps that keep an implementation per file have it.
    `const base = createRealtime(api, { auth: ({ token }) => ({ id: token ?? '' }) })`,
    ...numbers.map(
      (number) => `base.on('channel${number}', {
  authorize: ({ user, params, action }) => action === 'join' || user.id === params.id${number},
  snapshot: () => ({ items: [] }),
  commands: {
    async add${number}({ id }, { emit }) {
      await emit('event${number}x0', { at${number}x0: id, day: new Date(), tags: [] })
      return { n${number}: 1 }
    },
  },
})`,
    ),
  ].join('\n')
}

/** What a component asks for: the six ways of the README, one after another. */
function hook(n: number, framework: 'react' | 'vue'): string {
  const handle = `rt.channel${n}({ id${n}: '1' })`
  const channel = framework === 'vue' ? `() => ${handle}` : handle
  const read = (name: string): string => (framework === 'vue' ? `${name}.value` : name)
  const bodies = [
    `const { data } = useRealtime(${channel}, { latest: 'event${n}x2' })
  return ${read('data')}?.at${n}x2.length`,
    `const { data, commands } = useRealtime(${channel}, {
    initial: ({ items }) => items,
    reduce: {
      event${n}x0: (list, { at${n}x0: id }) => [...list, { id, done: false }],
      event${n}x3: (list, { at${n}x3: id }) => list.filter((item) => item.id !== id),
    },
    on: { signal${n}: ({ x${n} }, { from }) => void [x${n}, from], $gap: ({ reason }) => void reason },
  })
  void commands.add${n}({ id: '1' }).then(({ n${n} }) => n${n})
  return ${read('data')}?.length`,
    `const { data = [], publish } = ${
      framework === 'vue'
        ? `(({ data: { value }, publish }) => ({ data: value, publish }))(useRealtime(${channel}, OPTIONS))`
        : `useRealtime(${channel}, OPTIONS)`
    }
  void publish('event${n}x1', { at${n}x1: '', day: new Date(), tags: [] })
  return data.length`.replaceAll(
      'OPTIONS',
      `{ tail: 50, initial: [], reduce: { event${n}x4: (list, event) => [...list, event] } }`,
    ),
    `const { data } = useRealtime(views.room({ id3: '${n}' }), { select: ({ items }) => items.length })
  return ${read('data')}`,
    `const { members, update } = usePresence(${channel}, { set: { name${n}: 'Ann' } })
  update({ name${n}: 'Bea' })
  return ${read('members')}[0]?.value.name${n}.length`,
    `const { data, signal } = useRealtime(${channel}, {
    initial: { x: 0 },
    reduce: { signal${n}: (_, { x${n}: x }) => ({ x }) },
    select: ({ x }) => x,
  })
  signal('signal${n}', { x${n}: 1 }, { everyMs: 50 })
  return ${read('data')}`,
  ]
  return `export function useHook${n}(): number | undefined {\n  ${bodies[n % bodies.length]}\n}`
}
