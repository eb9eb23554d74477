/**
 * Faults that are planted into the real product to see whether the simulation notices. Each is a place of one file that
 * is replaced as the file is read; a place that is no longer there, or there twice, fails the test.
 */
import type { Patch } from './bundle.ts'
import { CLIENT_MUTANTS } from './client-mutants.ts'
import { SERVER_MUTANTS } from './server-mutants.ts'

/** One planted fault. */
export interface Mutant extends Patch {
  readonly name: string
  /** What it breaks. */
  readonly why: string
}

export const MUTANTS: readonly Mutant[] = [...CLIENT_MUTANTS, ...SERVER_MUTANTS]
