// `pnpm --filter @triwire/sqlite kills` and `bench`: bundles the commands from their sources, and runs one.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { bundle } from './test/bundle.mjs'

const [command, appender] = [await bundle('command.ts'), await bundle('kills/appender.ts')]
const { status } = spawnSync(process.execPath, ['--enable-source-maps', command, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, TRIWIRE_APPENDER: appender },
})
for (const file of [command, appender]) rmSync(file)
process.exit(status ?? 1)
