/** A `fetch` whose every request waits until the test answers it, and which honours its abort signal. */
import type { TriwireError } from '@triwire/protocol'

/** One request under way. */
export interface FakeRequest {
  readonly url: string
  readonly body: string
  readonly init: RequestInit
  /** Answers it. A string is a whole body of status 200. */
  answer(response: string | Response): void
  /** Breaks it, as a lost network does. */
  fail(message?: string): void
}

/** Makes the function and the list of requests it has seen. */
export function createFakeFetch(): { readonly fetch: typeof fetch; readonly requests: FakeRequest[] } {
  const requests: FakeRequest[] = []
  const fakeFetch: typeof fetch = (input, init = {}) =>
    new Promise<Response>((resolve, reject) => {
      const signal = init.signal as AbortSignal
      if (signal.aborted) return reject(signal.reason)
      signal.addEventListener('abort', () => reject(signal.reason))
      requests.push({
        url: String(input),
        body: String(init.body),
        init,
        answer: (response) => resolve(typeof response === 'string' ? new Response(response) : response),
        fail: (message = 'The network is gone.') => reject(new TypeError(message)),
      })
    })
  return { fetch: fakeFetch, requests }
}

/** A body that is written bit by bit and broken by the signal, as a real one is. */
export function createFakeStream(signal: AbortSignal): {
  readonly response: Response
  write(text: string): void
  end(): void
} {
  const encoder = new TextEncoder()
  let controller: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({
    start(made) {
      controller = made
    },
  })
  signal.addEventListener('abort', () => controller.error(signal.reason))
  return {
    response: new Response(body),
    write: (text) => controller.enqueue(encoder.encode(text)),
    end: () => controller.close(),
  }
}

/** A listener that writes down what it is told, and a way to wait for the next thing. */
export function createRecorder(): {
  readonly told: string[]
  readonly listener: {
    handleReady(): void
    handleText(text: string): void
    handleClosed(error: TriwireError): void
  }
} {
  const told: string[] = []
  return {
    told,
    listener: {
      handleReady: () => void told.push('ready'),
      handleText: (text) => void told.push(`text ${text}`),
      handleClosed: ({ code, retryMs }) =>
        void told.push(`closed ${code}${retryMs === undefined ? '' : ` ${retryMs}`}`),
    },
  }
}

/** A source whose openings are numbered, so that a test sees which one a request carries. */
export function createSource(): {
  opening(waitMs?: number): string
  hello(): string
  changes(): string[]
} {
  let openings = 0
  return {
    opening: (waitMs) => `opening ${++openings}${waitMs === undefined ? '' : ` wait ${waitMs}`}`,
    hello: () => 'hello',
    changes: () => [],
  }
}

/** Lets everything that is already on its way arrive. No time passes. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
