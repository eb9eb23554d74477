// `pnpm --filter @triwire/sqlite kills` and `bench`: bundles the commands from their sources, and starts one.
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { bundle } from './test/bundle.mjs'

const [command, appender] = [await bundle('command.ts'), await bundle('kills/appender.ts')]
process.env.TRIWIRE_APPENDER = appender
try {
  await import(pathToFileURL(command).href)
} finally {
  for (const file of [command, appender]) rmSync(file)
}
