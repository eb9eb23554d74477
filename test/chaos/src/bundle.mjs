// Node 20 runs no TypeScript, and a server whose memory is measured should hold nothing but the server. So each process
// is bundled once per run into plain JavaScript: our packages from their sources, everything else left where it is. What our
// packages depend on is therefore a dependency here as well.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const folder = fileURLToPath(new URL('.', import.meta.url))
const conditions = ['@triwire/source', 'module', 'node', 'development|production']

/** The processes there are, by the file that is made of them. */
const ENTRIES = {
  command: 'command.ts',
  broker: 'processes/broker.ts',
  node: 'processes/node.ts',
  'triwire-client': 'processes/triwire-client.ts',
  fleet: 'processes/fleet.ts',
  stopwatch: 'processes/stopwatch.ts',
  'socket-io-server': 'processes/socket-io-server.ts',
  'socket-io-client': 'processes/socket-io-client.ts',
}

/**
 * Bundles them all into a folder of their own below `node_modules`, where imports of dependencies resolve.
 * @returns {Promise<{ readonly folder: string, readonly remove: () => void }>} which also goes with this process
 */
export async function bundle() {
  const outDir = mkdtempSync(join(folder, '../node_modules/.chaos-'))
  const remove = () => rmSync(outDir, { recursive: true, force: true })
  process.once('exit', remove)
  await build({
    configFile: false,
    logLevel: 'error',
    root: folder,
    resolve: { conditions },
    ssr: { noExternal: [/^@triwire\//], resolve: { conditions } },
    build: {
      ssr: true,
      target: 'node20',
      outDir,
      emptyOutDir: true,
      minify: false,
      rollupOptions: {
        input: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(folder, path)])),
        output: { entryFileNames: '[name].mjs', chunkFileNames: 'chunk-[hash].mjs' },
      },
    },
  })
  return { folder: outDir, remove }
}
