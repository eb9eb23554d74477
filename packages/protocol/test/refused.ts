import { expect } from 'vitest'
import { TriwireError } from '../src/index.ts'

/** The code of the TriwireError that `action` throws; fails where it throws nothing, or anything else. */
export function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(TriwireError)
    return (error as TriwireError).code
  }
  return expect.fail('nothing was thrown')
}
