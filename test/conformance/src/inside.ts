/**
 * Acting on the app from inside, over HTTP: what a test does to a server that runs in another process. One end of it
 * belongs beside the app, on whatever runtime that is; `actInside` is the other.
 *
 * | request               | body                     | does                                        |
 * |-----------------------|--------------------------|---------------------------------------------|
 * | `POST /inside/emit`   | `{address, event, data}` | emits; answers when the event is in the log |
 * | `POST /inside/drain`  | `{spreadMs}`             | drains; answers when that has begun         |
 * | `POST /inside/leave`  |                          | says goodbye to everybody                   |
 * | `GET /inside/logged`  |                          | answers with what was logged as an error    |
 */
import type { Logger } from '@triwire/server'
import type { App } from './app.ts'
import type { Host } from './host.ts'

/** A logger that keeps what it is told of as an error. */
export function createLog(): { readonly logger: Logger; readonly logged: readonly string[] } {
  const logged: string[] = []
  return { logger: { warn: () => {}, error: (_fields, message) => void logged.push(message) }, logged }
}

/** Answers what a test asks. Never rejects: what goes wrong is an answer with status 500 and the reason. */
export function createInside(app: App, logged: readonly string[]): (request: Request) => Promise<Response> {
  const { realtime, emit } = app
  const act = async (request: Request): Promise<unknown> => {
    const { pathname } = new URL(request.url)
    if (pathname.endsWith('/inside/logged')) return logged
    const body = (await request.json()) as { address: string; event: string; data: unknown; spreadMs: number }
    if (pathname.endsWith('/inside/emit')) await emit(body.address, body.event, body.data)
    else if (pathname.endsWith('/inside/drain')) void realtime.drain({ spreadMs: body.spreadMs })
    else if (pathname.endsWith('/inside/leave')) await realtime.close()
    else throw new Error(`There is nothing at ${pathname}.`)
    return null
  }
  return async (request) => {
    try {
      return Response.json(await act(request))
    } catch (error) {
      return new Response(String(error), { status: 500 })
    }
  }
}

/** The test's end: acts on the app whose `createInside` answers at this origin. */
export function actInside(origin: string): Pick<Host, 'emit' | 'drain' | 'leave' | 'logged'> {
  const ask = async (what: string, body?: object): Promise<unknown> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${origin}/inside/${what}`, init)
    const text = await response.text()
    if (!response.ok) throw new Error(`Acting from inside (${what}) came to ${response.status} ${text}`)
    return JSON.parse(text)
  }
  return {
    emit: async (address, event, data) => void (await ask('emit', { address, event, data })),
    drain: async (spreadMs) => void (await ask('drain', { spreadMs })),
    leave: async () => void (await ask('leave', {})),
    logged: async () => (await ask('logged')) as readonly string[],
  }
}
