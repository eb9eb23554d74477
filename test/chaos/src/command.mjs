// `pnpm chaos`: the measurements over real processes. Without a name, the table; `fallback`, `connect` and `stalled` are
// the others. See README.md.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { bundle } from './bundle.mjs'

const { folder } = await bundle()
const { status } = spawnSync(
  process.execPath,
  [
    '--enable-source-maps',
    join(folder, 'command.mjs'),
    ...process.argv.slice(2).filter((argument) => argument !== '--'),
  ],
  { stdio: 'inherit', env: { ...process.env, TRIWIRE_CHAOS_BUNDLE: folder } },
)
process.exit(status ?? 1)
