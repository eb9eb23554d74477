/**
 * A child that runs a script in edge-runtime, in an isolate of its own for each app:
 * `node edge-runtime.mjs <script> <options>`. What others ask for by `/inside/another`, they ask at a server of its own.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { EdgeRuntime, runServer } from 'edge-runtime'
import type { ChildOptions } from './apps/app.ts'
import { SEES_BY_WRITING } from './sees-by-writing.ts'

const [script = '', first = ''] = process.argv.slice(2)
const initialCode = readFileSync(script, 'utf8')

async function serveAnother(options: string): Promise<number> {
  const { limits, port = 0, ...rest } = JSON.parse(options) as ChildOptions
  const hostOptions = JSON.stringify({ limits: { ...SEES_BY_WRITING, ...limits }, ...rest })
  const runtime = new EdgeRuntime({ initialCode, extend: (context) => Object.assign(context, { hostOptions }) })
  const { url } = await runServer({ runtime, host: '127.0.0.1', port })
  return Number(new URL(url).port)
}

const server = createServer((request, response) => {
  void text(request)
    .then(serveAnother)
    .then((port) => response.end(String(port)))
    .catch((error: unknown) => response.writeHead(500).end(String(error)))
})
// Told where to serve, it serves one app and no more.
if ((JSON.parse(first) as ChildOptions).port !== undefined) console.log(await serveAnother(first))
else server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
