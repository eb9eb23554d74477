/** Once per turn of the event loop, after everything that came in with it. */

type Immediate = (callback: () => void) => unknown

/** `setImmediate` where the host has it (Node, Bun, Deno), else a timer of zero. */
export const defer: Immediate =
  (globalThis as { setImmediate?: Immediate }).setImmediate ?? ((callback) => setTimeout(callback, 0))
