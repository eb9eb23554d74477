/** What a script of edge-runtime has: the events of a service worker, and what `src/edge-runtime.ts` tells it. */

interface FetchEvent {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

const globals = globalThis as unknown as {
  readonly hostOptions?: string
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void
}

/** `HostOptions` as JSON. */
export const hostOptions: string | undefined = globals.hostOptions

/** Answers every request. */
export function onFetch(answer: (request: Request) => Response | Promise<Response>): void {
  globals.addEventListener('fetch', (event) => event.respondWith(Promise.resolve(answer(event.request))))
}
