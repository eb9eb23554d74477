/**
 * `view`: the state of a channel, defined once, for everybody who shows it. All observers of a view of one channel share
 * one fold, and this session's commands are in it before the server has confirmed them.
 */
import { type Channel, TriwireError } from '@triwire/protocol'
import { type HandleParts, partsOf } from './channel-handle.ts'
import type { ChannelHandle, StateOf } from './channel-types.ts'
import { createCommandFunctions } from './command-functions.ts'
import { callOwn } from './fold.ts'
import { joiningState } from './idle.ts'
import { type PlainDefinition, ViewStore } from './view-store.ts'
import type { ViewDefinition, ViewHandle, ViewObserver, ViewOptions } from './view-types.ts'

/**
 * Defines a view of the channels of a reference: `const room = view(rt.chat, { initial, reduce, optimistic })`, then
 * `room({ roomId })` wherever a hook or composable takes a channel. Define it once, outside components.
 *
 * @param definition write `initial` before `reduce` and `optimistic`, which take the type of their state from it
 * @throws TriwireError `bad_channel` from the view, where the reference gives something else than a channel's handle
 */
export function view<TParams extends unknown[], TChannel extends Channel, TInitial>(
  reference: (...params: TParams) => ChannelHandle<TChannel>,
  definition: ViewDefinition<TChannel, TInitial>,
): (...params: TParams) => ViewHandle<TChannel, StateOf<TChannel, TInitial>> {
  type View = ViewHandle<TChannel, StateOf<TChannel, TInitial>>
  const views = new WeakMap<ChannelHandle<TChannel>, View>()
  return (...params) => {
    const handle = reference(...params)
    const made = views.get(handle) ?? (createView(handle, definition as unknown as PlainDefinition) as View)
    views.set(handle, made)
    return made
  }
}

function createView(handle: object, definition: PlainDefinition): unknown {
  const parts = partsOf(handle)
  if (parts === undefined)
    throw new TriwireError('bad_channel', 'A view is of the channels of a client: pass a reference like `rt.chat`.')
  const consumers = new Set<{ readonly on: unknown }>()
  const store = new ViewStore(parts as HandleParts, definition, (name, ...values) => {
    for (const { on } of consumers) callOwn(on, name, values)
  })
  const observe = ({ on, from }: ViewOptions<Channel> = {}): ViewObserver<unknown, Channel> => {
    const consumer: { on: unknown } = { on }
    const start = from ? store.startOf(from) : joiningState
    let listeners = 0
    const observer = {
      subscribe(listener: () => void) {
        if (from) store.beginAt(from)
        if (listeners++ === 0) consumers.add(consumer)
        const unsubscribe = store.cell.subscribe(listener)
        let subscribed = true
        return () => {
          if (subscribed && --listeners === 0) consumers.delete(consumer)
          subscribed = false
          unsubscribe()
        }
      },
      getSnapshot() {
        const state = store.cell.getSnapshot()
        return state.status === 'joining' ? start : state
      },
      getStart: () => start,
      setOptions(next: ViewOptions<Channel>) {
        consumer.on = next.on
      },
    }
    return observer as unknown as ViewObserver<unknown, Channel>
  }
  return { ...handle, commands: createCommandFunctions((name, input) => store.call(name, input)), observe }
}
