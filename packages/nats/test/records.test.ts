/** A record that the server has lost sight of: no server can be brought to do that on demand, so this one pretends. */
import { expect, test } from 'vitest'
import { begin } from '../src/operation.ts'
import { Records } from '../src/records.ts'
import type { Store } from '../src/store.ts'

/** A store with one subject, of which the last message is found only once it was stored anew. */
function forgetfulStore(text: string) {
  const state = { messages: [{ seq: 7, data: Buffer.from(text) }], isHidden: true, sequence: 7 }
  const store = {
    get: async (_: string, query: { last_by_subj?: string; seq?: number }) => {
      if (query.last_by_subj !== undefined) return state.isHidden ? undefined : state.messages.at(-1)
      return state.messages.find(({ seq }) => seq >= (query.seq ?? 0))
    },
    purge: async (_: string, __: string, { seq }: { seq: number }) => {
      state.messages = state.messages.filter((message) => message.seq >= seq)
      state.isHidden = false
    },
    write: async ({ text: written, follows }: { text: string; follows: number }) => {
      expect(follows).toBe(state.messages.at(-1)?.seq ?? 0)
      const seq = ++state.sequence
      state.messages = [{ seq, data: Buffer.from(written) }]
      return { sequence: seq, isTwin: false }
    },
  }
  return { state, records: new Records(store as unknown as Store) }
}

test('a record the server has lost sight of is found, and still there for whoever asks next', async () => {
  const { state, records } = forgetfulStore('what it said')
  expect((await records.look('subject', begin(1000)))?.text).toBe('what it said')
  // Nothing was to be changed, and nothing is lost.
  expect(state.messages.map(({ data }) => String(data))).toEqual(['what it said'])
  expect((await records.look('subject', begin(1000)))?.text).toBe('what it said')
})

test('a record the server has lost sight of is changed as it was', async () => {
  const { state, records } = forgetfulStore('one')
  const change = (text: string | undefined) => ({ text: `${text} two` })
  expect(await records.change('subject', change, begin(1000))).toBe('one two')
  expect(state.messages.map(({ data }) => String(data))).toEqual(['one two'])
})
