import type { StandardSchema } from '../src/index.ts'

/** Accepts everything. */
export const anySchema: StandardSchema = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}
