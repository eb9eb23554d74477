/** What the children use of the globals of Deno and Bun. Their types would be those of the whole workspace. */

type Handler = (request: Request, info: { readonly remoteAddr: object }) => Response | Promise<Response>

interface DenoGlobal {
  readonly args: readonly string[]
  serve(
    options: {
      readonly hostname: string
      readonly port: number
      readonly onListen: (address: { readonly port: number }) => void
    },
    handler: Handler,
  ): unknown
}

interface BunGlobal {
  readonly argv: readonly string[]
  serve(options: object): { readonly port: number }
}

const globals = globalThis as unknown as { readonly Deno: DenoGlobal; readonly Bun: BunGlobal }

/** Deno, where this is Deno. */
export const Deno: DenoGlobal = globals.Deno
/** Bun, where this is Bun. */
export const Bun: BunGlobal = globals.Bun

/** Serves on a port of loopback, 0 for a free one; returns the port. */
export function listenOnDeno(handler: Handler, at: number): Promise<number> {
  return new Promise((resolve) =>
    Deno.serve({ hostname: '127.0.0.1', port: at, onListen: ({ port }) => resolve(port) }, handler),
  )
}
