/** `fetch` as a page in memory finds it: requests over the network, and as much of a Response as clients read. */
import { Connection } from './network.ts'
import { handleRequest, type RunningNode } from './node.ts'
import type { Random } from './random.ts'
import type { Way } from './simulated-websocket.ts'
import { fateOf, withoutSome } from './weather.ts'

/** Makes `fetch` for one page whose servers are mounted at `base`. */
export function createFetch(way: Way, base: string, random: Random): typeof fetch {
  const simulated = (input: string, init: RequestInit): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const { signal } = init
      if (signal?.aborted) return reject(signal.reason)
      const request = { path: input.slice(base.length), body: String(init.body ?? '') }
      new Transfer(way, request, random, signal ?? undefined, resolve, reject).start()
    })
  return simulated as unknown as typeof fetch
}

class Transfer {
  readonly #way: Way
  readonly #request: { readonly path: string; readonly body: string }
  readonly #random: Random
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (response: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #body = new Body()
  #connections: { readonly connection: Connection; gone: () => void }[] = []
  #over = false
  #held: string[] | undefined
  #heldHead: number | undefined

  constructor(
    way: Way,
    request: { readonly path: string; readonly body: string },
    random: Random,
    signal: AbortSignal | undefined,
    resolve: (response: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#way = way
    this.#request = request
    this.#random = random
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const { network, site, weather, route } = this.#way
    const { clock } = network
    if (this.#request.path === '/stream') this.#way.handleTried?.()
    this.#signal?.addEventListener('abort', this.#abort)
    const blocked =
      this.#request.path === '/send' ? undefined : weather[this.#request.path === '/stream' ? 'streams' : 'polls']
    if (weather.down === 'hangs' || blocked === 'swallowed') return
    const node = weather.down === 'refuses' || blocked === 'refused' ? undefined : route()
    if (node === undefined) {
      clock.after(network.latency(site), site.actor, () => this.#fail())
      return
    }
    if (weather.proxyAnswers !== undefined) {
      const isPage = weather.proxyAnswers === 'page'
      clock.after(network.latency(site), site.actor, () => {
        this.#handleHead(isPage ? 200 : 502)
        this.#handlePart('<html>Something went wrong.</html>')
        this.#handleEnd()
      })
      return
    }
    const fate = fateOf(weather, this.#random)
    if (weather.proxy !== undefined && this.#request.path === '/stream') {
      this.#held = []
      weather.held.add(this.#letGoLater)
    }
    if (!fate.lost) this.#travel(node, fate.delayMs, fate.responseLost, true)
    const second = fate.duplicated ? route() : undefined
    if (second !== undefined) this.#travel(second, fate.delayMs + 300 * this.#random.next(), false, false)
  }

  /** @param heard whether the answer is for the client; a proxy that repeats a request throws the second one away */
  #travel(node: RunningNode, delayMs: number, isLost: boolean, heard: boolean): void {
    const { network, site, wiretap } = this.#way
    const connection = new Connection(network, this.#request.path, site, node.site)
    const travelling = { connection, gone: () => {} }
    connection.clientEnd = { broken: () => (heard ? this.#fail() : undefined) }
    if (heard) this.#connections.push(travelling)
    const arrive = (): void => {
      if (connection.clientEnd === undefined) return
      const end = {
        handleHead: (status: number) => heard && this.#handleHead(status),
        handlePart: (text: string) => heard && this.#handlePart(text),
        handleEnd: () => {
          connection.endClient()
          if (heard) this.#handleEnd()
        },
      }
      travelling.gone = handleRequest(network, node, connection, this.#request, end, wiretap)
      if (isLost) connection.down.silent = true
    }
    // What nobody reads is closed: by then it has done what it does.
    if (!heard) network.clock.after(delayMs + 3000, site.actor, () => this.#letGo(travelling))
    if (delayMs === 0) connection.up.send(this.#request.body.length, arrive)
    else network.clock.after(delayMs, site.actor, () => connection.up.send(this.#request.body.length, arrive))
  }

  #letGo(travelling: { readonly connection: Connection; gone: () => void }): void {
    const { connection } = travelling
    if (connection.clientEnd === undefined) return
    connection.endClient()
    connection.sendUp(2, () => travelling.gone())
  }

  readonly #abort = (): void => {
    for (const travelling of this.#connections) this.#letGo(travelling)
    this.#settle(this.#signal?.reason)
  }

  #fail(): void {
    this.#settle(new TypeError('fetch failed'))
  }

  #settle(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#way.weather.held.delete(this.#letGoLater)
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#reject(error)
    this.#body.fail(error)
  }

  #handleHead(status: number): void {
    if (this.#over) return
    if (this.#held !== undefined && this.#way.weather.proxy?.holds === 'head') {
      this.#heldHead = status
      return
    }
    const body = this.#body
    this.#resolve({ ok: status < 300, status, text: () => body.text(), body: { getReader: () => body } })
  }

  #handlePart(text: string): void {
    if (this.#over) return
    const held = this.#held
    if (held === undefined) {
      const { weather } = this.#way
      this.#body.push(withoutSome(text, weather, this.#random), weather.slices ? this.#random : undefined)
      return
    }
    held.push(text)
    const { proxy } = this.#way.weather
    const bytes = held.reduce((sum, { length }) => sum + length, 0)
    const holds =
      proxy !== undefined &&
      (proxy.holds === 'head' || (proxy.holds === 'first' ? held.length < 2 : bytes < proxy.bytes))
    if (!holds) this.#release()
  }

  readonly #letGoLater = (): void => {
    const { network, site } = this.#way
    network.clock.after(0, site.actor, () => this.#release())
  }

  /** The proxy lets go of what it held. */
  #release(): void {
    if (this.#over) return
    const held = this.#held ?? []
    const head = this.#heldHead
    this.#held = this.#heldHead = undefined
    if (head !== undefined) this.#handleHead(head)
    for (const text of held) this.#handlePart(text)
    // The next part is held again, where the proxy does so with every one.
    if (this.#way.weather.proxy !== undefined) this.#held = []
    else this.#way.weather.held.delete(this.#letGoLater)
  }

  #handleEnd(): void {
    if (this.#over) return
    if (this.#held !== undefined) {
      const { proxy } = this.#way.weather
      if (proxy?.holds === 'head' || this.#held.length > 0) this.#release()
      this.#held = undefined
    }
    this.#over = true
    this.#way.weather.held.delete(this.#letGoLater)
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#body.end()
  }
}

const encoder = new TextEncoder()

/** The body of a response: a reader of its own, and its whole as text. */
class Body {
  #parts: Uint8Array[] = []
  #texts: string[] = []
  #state: 'open' | 'ended' | 'failed' = 'open'
  #error: unknown
  #wake: (() => void) | undefined

  push(text: string, slicing: Random | undefined): void {
    this.#texts.push(text)
    const bytes = encoder.encode(text)
    for (let start = 0; start < bytes.length; ) {
      const size = slicing === undefined ? bytes.length : slicing.whole(1, 40)
      this.#parts.push(bytes.subarray(start, start + size))
      start += size
    }
    this.#wake?.()
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended'
    this.#wake?.()
  }

  fail(error: unknown): void {
    this.#state = 'failed'
    this.#error = error
    this.#wake?.()
  }

  async read(): Promise<{ readonly done: boolean; readonly value: Uint8Array | undefined }> {
    while (this.#parts.length === 0 && this.#state === 'open') await this.#wait()
    if (this.#state === 'failed') throw this.#error
    const value = this.#parts.shift()
    return { done: value === undefined, value }
  }

  async text(): Promise<string> {
    while (this.#state === 'open') await this.#wait()
    if (this.#state === 'failed') throw this.#error
    return this.#texts.join('')
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
