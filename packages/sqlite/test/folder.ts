/** Temporary folders that are gone after the test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A path for a file that does not exist yet, in a folder of its own, and how to remove that. */
export function temporaryFile(): { readonly path: string; readonly dispose: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-sqlite-'))
  return { path: join(folder, 'broker.db'), dispose: () => rmSync(folder, { recursive: true }) }
}
