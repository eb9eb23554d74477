// The command `pnpm demo`. Without flags it is one server, and there is nothing to see here; with `--nodes` and
// `--broker` it is several of them behind a balancer.

import { fileURLToPath } from 'node:url'
import { readFlags } from './cluster/flags.ts'

const flags = readFlags(process.argv.slice(2))

if ('problem' in flags) {
  console.error(flags.problem)
  process.exitCode = 1
} else if ('broker' in flags) {
  const { runCluster } = await import('./cluster/cluster.ts')
  runCluster({ ...flags, script: fileURLToPath(new URL('./server.js', import.meta.url)) })
} else {
  await import('./server.ts')
}
