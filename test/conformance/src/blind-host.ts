/** A host that cannot tell how much it has buffered, made of one that can: clients are asked instead (PROTOCOL.md §8.14). */
import type { Engine, HomeEngine, Sink } from '@triwire/server'

/** The same engine behind sinks that know nothing. */
export function blindfold<TEngine extends Engine>(engine: TEngine): TEngine {
  const blind: Pick<Engine, 'acceptSocket' | 'handle'> = {
    acceptSocket: (sink, head) => engine.acceptSocket(withoutSight(sink), head),
    handle: (exchange) =>
      engine.handle(
        new Proxy(exchange, {
          get(target, name) {
            if (name === 'open') {
              const open: typeof target.open = (...args) => withoutSight(target.open(...args))
              return open
            }
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? (value.bind(target) as unknown) : value
          },
        }),
      ),
  }
  if ('another' in engine) {
    const { another } = engine as unknown as HomeEngine
    Object.assign(blind, { another: (...args: Parameters<typeof another>) => blindfold(another(...args)) })
  }
  // Not a spread: what the engine is asked for later, it may not know yet.
  return Object.assign(Object.create(engine) as TEngine, blind)
}

function withoutSight(sink: Sink): Sink {
  // Said one by one, because a sink may be a class.
  return {
    write: (chunk) => sink.write(chunk),
    buffered: () => undefined,
    close: (code, reason) => sink.close(code, reason),
    probe: () => sink.probe?.(),
    terminate: () => sink.terminate?.(),
  }
}
