/** The built app, for tests: in a process of its own, on a free port. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('../dist/app/server/index.mjs', import.meta.url))

/** The running app. */
export interface RunningApp {
  readonly origin: string
  /** Ends it, and waits until it is gone. */
  stop(): Promise<void>
}

/** @throws Error where it has not been built, or does not start */
export async function startApp(): Promise<RunningApp> {
  if (!existsSync(SERVER)) throw new Error('Build it first: npx turbo run build --filter=@triwire-example/nuxt')
  const app = spawn(process.execPath, [SERVER], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(app, 'exit')
  let printed = ''
  const origin = new Promise<string>((resolve, reject) => {
    app.stdout.on('data', (text) => {
      printed += text
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? []
      if (url !== undefined) resolve(url)
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
