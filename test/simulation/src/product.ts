/**
 * The product under test: the real client and the real server, bundled from their sources and evaluated inside the
 * simulated host. Each client of a schedule has an instance of its own, as each page has, because modules hold state.
 */
import type * as ClientModule from '@triwire/client'
import type * as ProtocolModule from '@triwire/protocol'
import type * as ServerModule from '@triwire/server'
import { Random } from '@triwire/test/parts'
import { createHost, createStage, type Stage } from './host.ts'

/** The two bundles as text: see `bundle.ts`. */
export interface ProductCode {
  readonly client: string
  readonly server: string
}

/** What the client bundle exports. */
export type ClientExports = Pick<typeof ClientModule, 'createClient'>

/** What the server bundle exports. */
export type ServerExports = Pick<typeof ServerModule, 'createRealtime'> &
  Pick<typeof ProtocolModule, 'channel' | 'contract' | 'TriwireError'>

/** The product, loaded. */
export class Product {
  readonly stage: Stage = createStage(new Random(0, 'loading'))
  readonly #code: ProductCode
  readonly #host = createHost(this.stage)
  #server: ServerExports | undefined
  #clients: ClientExports[] = []

  constructor(code: ProductCode) {
    this.#code = code
  }

  get server(): ServerExports {
    this.#server ??= this.#load<ServerExports>(this.#code.server)
    return this.#server
  }

  /** The instance of one page. */
  client(index: number): ClientExports {
    this.#clients[index] ??= this.#load<ClientExports>(this.#code.client)
    return this.#clients[index]
  }

  /** A new instance for a page whose former one was killed in the middle of something. */
  renewClient(index: number): void {
    delete this.#clients[index]
  }

  /** Forgets the instances: what a failed schedule or a killed page left in them must not reach the next schedule. */
  reset(): void {
    this.#server = undefined
    this.#clients = []
  }

  #load<TExports>(code: string): TExports {
    const names = Object.keys(this.#host)
    const evaluate = new Function(...names, `${code}\nreturn exported`) as (...values: unknown[]) => TExports
    return evaluate(...names.map((name) => this.#host[name]))
  }
}
