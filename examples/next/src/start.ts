/** The built app, for tests: `next start` in a process of its own, on a free port. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../', import.meta.url))

/** The running app. */
export interface RunningApp {
  readonly origin: string
  /** Ends it, and waits until it is gone. */
  stop(): Promise<void>
}

/** @throws Error where it has not been built, or does not start */
export async function startApp(): Promise<RunningApp> {
  if (!existsSync(join(FOLDER, 'dist/BUILD_ID')))
    throw new Error('Build it first: npx turbo run build --filter=@triwire-example/next')
  const next = dirname(createRequire(import.meta.url).resolve('next/package.json'))
  const app = spawn(process.execPath, [join(next, 'dist/bin/next'), 'start', '-p', '0', '-H', '127.0.0.1'], {
    cwd: FOLDER,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(app, 'exit')
  let printed = ''
  const origin = new Promise<string>((resolve, reject) => {
    app.stdout.on('data', (text) => {
      printed += text
      const [, port] = /http:\/\/[\w.]+:(\d+)[\s\S]*Ready/.exec(printed) ?? []
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    })
    void ended.then(() => reject(new Error(`It has ended: ${printed}`)))
  })
  return {
    origin: await origin,
    async stop() {
      app.kill('SIGTERM')
      await ended
    },
  }
}
