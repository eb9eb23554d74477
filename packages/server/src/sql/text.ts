/**
 * Text as SQLite takes it. The driver reads text up to its first NUL and cannot pass on half a surrogate pair, so text
 * that holds either is stored as JSON behind a mark. Whatever begins with the mark is stored that way, too, so no two
 * texts are stored alike.
 */

const MARK = '\u0001'
/** Begins with the mark, or holds a NUL or a surrogate without its other half. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const NEEDS_MARK = /^\u0001|[\0\p{Cs}]/u

/** Text on its way into the file. */
export function toStored(text: string): string {
  return NEEDS_MARK.test(text) ? MARK + JSON.stringify(text) : text
}

/** Text on its way out. */
export function fromStored(stored: string): string {
  return stored.startsWith(MARK) ? (JSON.parse(stored.slice(1)) as string) : stored
}
