/** A contract without a schema library: `payload` says a type and lets everything through. */
import { channel, contract, type StandardSchema } from '@triwire/protocol'

/** A schema that accepts everything and is typed as what one writes. */
function payload<TInput, TOutput = TInput>(): StandardSchema<TInput, TOutput> {
  return { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as TOutput }) } }
}

export const api = contract({
  alerts: channel('alerts', { events: { alert: payload<{ text: string }>() } }),
  lobby: channel('lobby/:room', {
    events: { message: payload<{ text: string }>(), cleared: payload<null>() },
    signals: { waving: payload<{ on: boolean }>() },
    publish: ['message'],
  }),
  chat: channel('chat/:roomId', {
    events: { message: payload<{ id: string; at: Date }>(), deleted: payload<{ id: string }>() },
    signals: { typing: payload<{ on: boolean }>() },
    presence: payload<{ name: string }>(),
    commands: {
      send: { input: payload<{ text: string }>(), output: payload<{ id: string; at: Date }>() },
      clear: { input: payload<null>(), output: payload<null>() },
    },
    snapshot: payload<{ messages: { id: string; at: Date }[] }>(),
  }),
})

export type Api = typeof api
