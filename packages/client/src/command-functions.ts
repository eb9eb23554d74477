/**
 * Objects whose properties are made when they are first asked for: the commands of a channel, the channels of a client.
 * The browser holds the contract as a type only, so their names are not known at run time.
 */

/**
 * Makes such an object. Each property is made once, so it may stand in a dependency list. What nothing can be named
 * stays undefined: symbols, names that do not start with a letter (frameworks probe for `__v_raw`, `$$typeof`), and
 * `then` and `toJSON`, or `await` and `JSON.stringify` would call the server.
 */
export function createNamed<TValue>(make: (name: string) => TValue): Readonly<Record<string, TValue>> {
  return new Proxy(Object.create(null) as Record<string, TValue>, {
    get(made, name) {
      if (typeof name !== 'string' || !/^(?!then$|toJSON$)[a-z]/i.test(name)) return undefined
      made[name] ??= make(name)
      return made[name]
    },
  })
}

/** Makes an object whose every property is a function that calls `call` with its name. */
export function createCommandFunctions(
  call: (name: string, input: unknown) => Promise<unknown>,
): Readonly<Record<string, (input: unknown) => Promise<unknown>>> {
  return createNamed((name) => (input) => call(name, input))
}
