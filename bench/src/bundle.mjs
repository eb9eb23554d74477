// Node 20 runs no TypeScript, so the processes of the benchmark are bundled once per run. Only the benchmark's own sources
// go into the bundle: every package stays outside, so Triwire is what its `dist` says and each peer what npm delivers.
// Into the page the same packages are bundled, as an app does it.

import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** The processes there are, by the file that is made of them. */
const ENTRIES = {
  command: 'command.ts',
  server: 'processes/server.ts',
  load: 'processes/load.ts',
  visitors: 'processes/visitors.ts',
  attacker: 'processes/attacker.ts',
  browser: 'processes/browser.ts',
}

/**
 * Bundles them into a folder of their own below `node_modules`, where imports of packages resolve. Servers are chunks that
 * are loaded by name, so that each process holds the one it is and no other.
 * @returns {Promise<string>} the folder, which goes with this process
 */
export async function bundle() {
  const outdir = mkdtempSync(join(folder, '../node_modules/.bench-'))
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }))
  await build({
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(folder, path)])),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
    plugins: [{ name: 'packages-outside', setup }],
  })
  await build({
    entryPoints: [join(folder, 'browser/page.ts')],
    outdir,
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  })
  return outdir
}

/** @param {import('esbuild').PluginBuild} build */
function setup({ onResolve, onLoad }) {
  // The processes of the chaos runs are TypeScript that nobody builds. So is what finds a browser, which looks for it from
  // where it is itself.
  onLoad({ filter: /npm-chromium\.ts$/ }, async ({ path }) => ({
    contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', `'${pathToFileURL(path)}'`),
    loader: 'ts',
  }))
  onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
    kind === 'entry-point' || path.startsWith('@triwire-test/') ? undefined : { path, external: true },
  )
}
