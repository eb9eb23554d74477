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
  return JSON.stringify({ level, msg, ...plain })
}

function describe(error: Error): Record<string, unknown> {
  return { name: error.name, message: error.message, stack: error.stack }
}
