// A document for the components of the pages, beside a server that runs in the same process. What Node has of its own
// (fetch, AbortController, Event, …) stays Node's; only what it lacks is jsdom's. Import it before React and Vue.

import { builtinEnvironments } from 'vitest/runtime'

const own = new Map(
  Object.getOwnPropertyNames(globalThis).map((name) => [
    name,
    Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor,
  ]),
)
await builtinEnvironments.jsdom.setup(globalThis, {})
for (const [name, descriptor] of own) {
  if (Object.getOwnPropertyDescriptor(globalThis, name)?.configurable)
    Object.defineProperty(globalThis, name, descriptor)
}
