/**
 * The names of everything in NATS. There are two streams, and each publishes again what it has stored, so that nobody ever
 * listens to what was merely sent to it:
 *
 * - `<prefix>-log` stores `<prefix>.log.<channel>` and publishes it again as `<prefix>.live.<channel>.entry`
 * - `<prefix>-state` keeps the last message of each `<prefix>.state.<channel>.<kind>.<id>`, and publishes its headers again
 *   as `<prefix>.changed.<channel>.<kind>.<id>`
 *
 * Signals are stored nowhere: `<prefix>.live.<channel>.signal`.
 */
import { createHash } from 'node:crypto'

/** What is kept of a channel beside its log. */
export type Kind = 'producer' | 'once' | 'set' | 'member' | 'command'

/** The names under one prefix. */
export class Names {
  readonly logStream: string
  readonly stateStream: string
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
    this.logStream = `${prefix}-log`
    this.stateStream = `${prefix}-state`
  }

  /** Which subjects the streams store, and where they publish them again. */
  get streams(): { readonly log: Republished; readonly state: Republished } {
    return {
      log: { subjects: `${this.#prefix}.log.*`, dest: `${this.#prefix}.live.{{wildcard(1)}}.entry` },
      state: { subjects: `${this.#prefix}.state.>`, dest: `${this.#prefix}.changed.>` },
    }
  }

  log(channel: string): string {
    return `${this.#prefix}.log.${token(channel)}`
  }

  /** Where stored entries and signals are to be heard. */
  live(channel: string): string {
    return `${this.#prefix}.live.${token(channel)}.*`
  }

  signal(channel: string): string {
    return `${this.#prefix}.live.${token(channel)}.signal`
  }

  state(channel: string, kind: Kind, id: string): string {
    return `${this.#prefix}.state.${token(channel)}.${kind}.${token(id)}`
  }

  /** Where changes of what lies under a state's subject are to be heard. */
  changed(state: string): string {
    return `${this.#prefix}.changed${state.slice(`${this.#prefix}.state`.length)}`
  }

  /** Where a broker writes to learn the server's time. No channel's token looks like this. */
  clock(broker: string): string {
    return `${this.#prefix}.state.=clock.${broker}`
  }
}

/** Subjects of a stream, and where it publishes them again. */
export interface Republished {
  readonly subjects: string
  readonly dest: string
}

/** Beyond it a token is a digest: NATS takes no line of more than 4 KiB, subject and all. */
const LONGEST_TOKEN = 100

/**
 * One token of a subject for any text: letters, digits, `_` and `-` are themselves, any other byte of UTF-8 is `=` and two
 * hexadecimal digits. So no name can hold a dot, a wildcard or a space.
 */
function token(text: string): string {
  if (text === '') return '='
  let escaped = ''
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte)
    escaped += /[\w-]/.test(character) ? character : `=${byte.toString(16).padStart(2, '0').toUpperCase()}`
  }
  if (escaped.length <= LONGEST_TOKEN) return escaped
  return `=~${createHash('sha256').update(text).digest('base64url')}`
}
