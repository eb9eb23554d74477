// `pnpm bench` and `pnpm bench:page`: bundles the benchmark and runs it. See ../README.md.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.mjs'

const folder = await bundle()
const { status } = spawnSync(
  process.execPath,
  [
    '--enable-source-maps',
    join(folder, 'command.mjs'),
    ...process.argv.slice(2).filter((argument) => argument !== '--'),
  ],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
    env: { ...process.env, TRIWIRE_BENCH_BUNDLE: folder },
  },
)
process.exit(status ?? 1)
