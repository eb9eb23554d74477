/** `fetch` of a tab to a server in the same process. Answers wait while the tab is frozen and end when it crashes. */
import { outside, type Tab } from './browser.ts'

/** One request. */
export interface SeenRequest {
  readonly tab: Tab
  readonly path: string
  readonly body: string
  /** Its response is still being read. */
  open: boolean
}

/** The network between tabs and one server. */
export class Network {
  readonly requests: SeenRequest[] = []
  /** Nothing gets through. */
  down = false
  /** Sent with every request. */
  cookie: string | undefined
  /** Milliseconds that a request (`out`), the head of its response (`back`) or a part of it take, each. */
  latency: (request: SeenRequest, leg: 'out' | 'back' | 'part') => number = () => 0
  readonly #handle: (request: Request) => Promise<Response>
  readonly #open = new Set<AbortController>()

  constructor(handle: (request: Request) => Promise<Response>) {
    this.#handle = handle
  }

  /** Requests that stay open: streams. */
  get streams(): readonly SeenRequest[] {
    return this.requests.filter(({ path, open }) => open && path.endsWith('/stream'))
  }

  /** Breaks everything that is under way. */
  cut(): void {
    for (const connection of [...this.#open]) connection.abort(new TypeError('The network is gone.'))
  }

  async #travel(request: SeenRequest, leg: 'out' | 'back' | 'part'): Promise<void> {
    const ms = this.latency(request, leg)
    if (ms > 0) await new Promise<void>((resolve) => setTimeout(resolve, ms))
  }

  fetchOf(tab: Tab): typeof fetch {
    return (input, init = {}) =>
      new Promise<Response>((resolve, reject) => {
        const url = new URL(String(input))
        const seen: SeenRequest = { tab, path: url.pathname, body: String(init.body), open: true }
        const connection = new AbortController()
        const signals = [connection.signal, tab.ended.signal, ...(init.signal ? [init.signal] : [])]
        const signal = AbortSignal.any(signals)
        const done = (): void => {
          seen.open = false
          this.#open.delete(connection)
        }
        const fail = (error: unknown): void => {
          done()
          tab.enter(() => reject(error))
        }
        if (signal.aborted) return reject(signal.reason)
        signal.addEventListener('abort', () => fail(signal.reason))
        tab.enter(() => {
          this.requests.push(seen)
          this.#open.add(connection)
          if (this.down) return fail(new TypeError('The network is gone.'))
          const { method = 'GET', body } = init
          const headers = { 'content-type': 'text/plain', ...(this.cookie && { cookie: this.cookie }) }
          const request = outside(() => new Request(url, { method, body: body ?? null, headers, signal }))
          const answer = async (): Promise<void> => {
            await this.#travel(seen, 'out')
            const response = await this.#handle(request)
            await this.#travel(seen, 'back')
            const { status } = response
            const body = relay(response.body, tab, signal, () => this.#travel(seen, 'part'), done)
            tab.enter(() => resolve(new Response(body, { status })))
          }
          outside(answer).catch(fail)
        })
      })
  }
}

/** The body as the tab sees it, in order. */
function relay(
  body: ReadableStream<Uint8Array> | null,
  tab: Tab,
  signal: AbortSignal,
  travel: () => Promise<void>,
  done: () => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      const reader = body?.getReader()
      let over = false
      const end = (finish: () => void): void => {
        if (over) return
        over = true
        done()
        tab.enter(() => {
          try {
            finish()
          } catch {
            // It was cancelled by whoever read it.
          }
        })
      }
      signal.addEventListener('abort', () => {
        end(() => controller.error(signal.reason))
        void reader?.cancel().catch(() => {})
      })
      const read = async (): Promise<void> => {
        for (;;) {
          const chunk = await reader?.read()
          await travel()
          if (chunk === undefined || chunk.done) return end(() => controller.close())
          tab.enter(() => {
            if (!over) controller.enqueue(chunk.value)
          })
        }
      }
      outside(() => read()).catch((error: unknown) => end(() => controller.error(error)))
    },
  })
}
