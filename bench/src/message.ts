// What is delivered: a JSON string of 100 bytes that says when it was sent. The first character occurs nowhere else in what
// any peer writes, so counting it counts deliveries, whatever they are wrapped in.

/** The character each message begins with, and no frame, header or line has otherwise. */
export const MARK = 0x7e

/** Digits of the time stamp behind the mark. */
const STAMP_DIGITS = 16

/** Bytes of a message between its quotes. With them, 100. */
const TEXT_BYTES = 98

const PADDING = 'x'.repeat(TEXT_BYTES - 1 - STAMP_DIGITS)

/** Microseconds of the machine's monotonic clock, which all its processes share. */
export function clockUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** A message that is sent now: text of 98 bytes, 100 as JSON. */
export function messageNow(): string {
  return messageAt(clockUs())
}

/** The same with any stamp. */
export function messageAt(stampUs: number): string {
  return `~${String(stampUs).padStart(STAMP_DIGITS, '0')}${PADDING}`
}

/** The time stamp behind a mark at `at`, in microseconds; undefined where the rest of it is in another chunk. */
export function stampAt(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (at + STAMP_DIGITS >= end) return undefined
  let stamp = 0
  for (let index = at + 1; index <= at + STAMP_DIGITS; index++) stamp = stamp * 10 + (bytes[index] as number) - 0x30
  return stamp
}

/** The same for text that is complete. */
export function stampOf(text: string, at: number): number {
  return Number(text.slice(at + 1, at + 1 + STAMP_DIGITS))
}
