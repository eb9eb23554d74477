/**
 * The commands of a channel as functions. The browser holds the contract as a type only, so their names are not
 * known at run time: a proxy makes `commands.send` when it is first asked for.
 */

/**
 * Makes an object whose every property is a function that calls `call` with its name. Each is made once, so it may
 * stand in a dependency list. What no command can be named stays undefined: symbols, names that do not start with a
 * letter (frameworks probe for `__v_raw`, `$$typeof`), and `then` and `toJSON`, or `await` and `JSON.stringify`
 * would call the server.
 */
export function createCommandFunctions(
  call: (name: string, input: unknown) => Promise<unknown>,
): Readonly<Record<string, (input: unknown) => Promise<unknown>>> {
  return new Proxy(Object.create(null) as Record<string, (input: unknown) => Promise<unknown>>, {
    get(made, name) {
      if (typeof name !== 'string' || !/^[a-z]/i.test(name) || name === 'then' || name === 'toJSON')
        return undefined
      made[name] ??= (input) => call(name, input)
      return made[name]
    },
  })
}
