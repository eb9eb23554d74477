/**
 * A Lua script with the digest Redis knows it by. Every write of this adapter is one script, so that it happens altogether
 * or not at all, and costs one round trip.
 */
import { createHash } from 'node:crypto'

/** A script. */
export interface Script {
  readonly name: string
  readonly source: string
  readonly sha1: string
}

/**
 * Makes a script.
 * @param options.whenFull whether it may run while Redis is out of memory, because it takes hardly any
 */
export function script(name: string, source: string, { whenFull = false }: { whenFull?: boolean } = {}): Script {
  // Without the flag Redis refuses it then before it begins, so no script ends halfway.
  const text = `#!lua${whenFull ? ' flags=allow-oom' : ''}\n${source}`
  return { name, source: text, sha1: createHash('sha1').update(text).digest('hex') }
}
