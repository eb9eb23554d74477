// `pnpm conformance <url>`: the cases against a server that is running already. Without a URL they run against a server
// of their own; with `--blind`, its host cannot tell how much it has buffered.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const isBlind = process.argv.includes('--blind')
const [url] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
if (url !== undefined && !URL.canParse(url)) {
  console.error(`"${url}" is no URL. Write the mount path in full, as in http://localhost:3000/rt.`)
  process.exit(2)
}
const { status } = spawnSync(
  process.execPath,
  [
    fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url)),
    'run',
    '--project',
    'test-conformance',
    'conformance.test',
  ],
  {
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    env: {
      ...process.env,
      ...(url === undefined ? {} : { CONFORMANCE_URL: url.replace(/\/$/, '') }),
      ...(isBlind ? { CONFORMANCE_BLIND: '1' } : {}),
    },
    stdio: 'inherit',
  },
)
process.exit(status ?? 1)
