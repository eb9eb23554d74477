/** Logging, in pino's shape: an object of fields first, then a constant message. pino and console both fit. */

/** What the engine logs to. Fields are data; nothing a client sent is ever part of the message itself. */
export interface Logger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** The default: one JSON line per entry on stderr, so that control characters in fields arrive escaped. */
export const consoleLogger: Logger = {
  warn: (fields, message) => console.warn(entry('warn', fields, message)),
  error: (fields, message) => console.error(entry('error', fields, message)),
}

function entry(level: string, fields: Readonly<Record<string, unknown>>, msg: string): string {
  const plain = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  )
  try {
    return escapeControls(JSON.stringify({ ...plain, level, msg }))
  } catch {
    // What cannot be written must not keep the rest from being told.
    return escapeControls(JSON.stringify({ level, msg, unwritable: Object.keys(plain) }))
  }
}

/** JSON escapes the control characters of ASCII; terminals and log viewers know some more. */
function escapeControls(text: string): string {
  return text.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function describe(error: Error): Record<string, unknown> {
  return { name: error.name, message: error.message, stack: error.stack }
}
