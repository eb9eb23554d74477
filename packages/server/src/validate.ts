/** Payloads through their schemas, on the way in and on the way out. */
import { type AnySchema, type SchemaIssue, TriwireError } from '@triwire/protocol'
import { withDeadline } from './deadline.ts'

/** Milliseconds an asynchronous schema may take. */
const SCHEMA_MS = 10_000

/**
 * Validates a value; returns the schema's output.
 * @param what names the value in the error: `event "message"`
 * @throws TriwireError `bad_payload` with the first issues in words, or `deadline`
 */
export async function validate(schema: AnySchema, value: unknown, what: string): Promise<unknown> {
  const validated = schema['~standard'].validate(value)
  const result = validated instanceof Promise ? await withDeadline(() => validated, SCHEMA_MS) : validated
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, 3).map(describe).join('; ')
  throw new TriwireError('bad_payload', `The payload of ${what} does not fit its schema: ${issues}`)
}

/**
 * A validated value as JSON text.
 * @throws TriwireError `bad_payload` where it has no JSON form
 */
export function toJson(value: unknown, what: string): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new TriwireError('bad_payload', `The payload of ${what} has no JSON form.`, { cause })
  }
  if (text === undefined)
    throw new TriwireError('bad_payload', `The payload of ${what} has no JSON form. Use null for nothing.`)
  return text
}

function describe(issue: SchemaIssue): string {
  const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.') ?? ''
  const where = path === '' ? '' : `${path.slice(0, 64)}: `
  return `${where}${issue.message.slice(0, 200)}`
}
