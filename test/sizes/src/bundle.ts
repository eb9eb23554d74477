/** What a page downloads for an import: bundled by esbuild for browsers and production, minified, compressed. */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** Bytes of a bundle. */
export interface Size {
  readonly minified: number
  /** With the strongest setting, as a CDN stores it. */
  readonly gzip: number
}

/**
 * Bundles an entry.
 * @param code imports what is measured, and exports it, so that it stays
 * @param external modules that a page has anyway
 */
export async function sizeOf(code: string, external: readonly string[] = []): Promise<Size> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // Sources, so that nothing must be built before; the compiler that builds them only takes their types out.
    conditions: ['@triwire/source', 'production'],
    define: { 'process.env.NODE_ENV': '"production"' },
    external: [...external],
    logLevel: 'silent',
  })
  const [bundle] = outputFiles
  if (bundle === undefined) throw new Error('esbuild has written nothing.')
  return { minified: bundle.contents.byteLength, gzip: gzipSync(bundle.contents, { level: 9 }).byteLength }
}
