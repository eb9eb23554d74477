/** What `command.mjs` starts. */
import { benchCommand } from './bench/command.ts'
import { killsCommand } from './kills/command.ts'

const [name, ...rest] = process.argv.slice(2).filter((argument) => argument !== '--')
if (name === 'kills') await killsCommand(process.env.TRIWIRE_APPENDER ?? '', rest)
else if (name === 'bench') await benchCommand(rest)
else throw new Error(`There is no command "${name}": kills or bench.`)
