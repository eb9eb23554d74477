// A child process as a set of functions its parent may call, one message each way over the IPC channel of Node.

/** What a parent asks, and what it is told. */
export interface Call {
  readonly id: number
  readonly name: string
  readonly input: unknown
}

/** The answer. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }

/** Functions by name. */
export type Handlers = Readonly<Record<string, (input: never) => unknown>>

/** Serves the parent until it goes. */
export function serveParent(handlers: Handlers): void {
  const answer = (message: Answer): void => {
    process.send?.(message)
  }
  process.on('message', (message) => {
    const { id, name, input } = message as Call
    const handle = handlers[name]
    Promise.resolve()
      .then(() => {
        if (handle === undefined) throw new Error(`No function "${name}" in this process.`)
        return handle(input as never)
      })
      .then(
        (value) => answer({ id, value: value ?? null }),
        (error: unknown) =>
          answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      )
  })
  process.on('disconnect', () => process.exit(0))
}
