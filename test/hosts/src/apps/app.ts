/**
 * The app of the cases as every child makes it. A child serves one, and more of them beside it, each on a port and with
 * limits of its own, for whoever asks `POST /inside/another` with `HostOptions`: a process for each would cost far more.
 */
import type { Servable } from '@triwire/server'
import type { HostOptions } from '@triwire-test/conformance'
import { createApp } from '@triwire-test/conformance/app'
import { blindfold } from '@triwire-test/conformance/blind-host'
import { Database } from '@triwire-test/conformance/database'
import { createInside, createLog } from '@triwire-test/conformance/inside'
import { makeChaosApp } from './chaos.ts'

/** What is served: the app below `/rt`, and beside it what acts on it. */
export interface ServedApp {
  readonly realtime: Servable
  readonly inside: (request: Request) => Promise<Response>
}

/** What a child is told. */
export interface ChildOptions extends HostOptions {
  /** Which app. Default that of the cases. */
  readonly app?: 'chaos'
  /** Where, on loopback. Default a free port. */
  readonly port?: number
  /** Whether its objects may be taken out of memory from outside, on Cloudflare's newest runtime. */
  readonly isEvictable?: boolean
  /** Where it keeps what it stores, on a runtime that stores anything. Default in memory. */
  readonly folder?: string
}

/** Serves an app on a port of loopback, 0 for a free one; resolves with the port. */
export type Listen = (app: ServedApp, port: number) => Promise<number>

/** Serves the first one. @param options `ChildOptions` as JSON */
export function serveApps(options: string | undefined, listen: Listen): Promise<number> {
  const { realtime, inside } = makeApp(options)
  const { port = 0 } = JSON.parse(options ?? '{}') as ChildOptions
  const first: ServedApp = {
    realtime,
    inside: async (request) => {
      if (!request.url.endsWith('/inside/another')) return await inside(request)
      return Response.json(await listen(makeApp(await request.text()), 0))
    },
  }
  return listen(first, port)
}

/** Makes one. @param options `ChildOptions` as JSON */
export function makeApp(options: string | undefined): ServedApp {
  const { limits, isBlind, app: which } = JSON.parse(options ?? '{}') as ChildOptions
  if (which === 'chaos') return makeChaosApp(limits)
  const { logger, logged } = createLog()
  const app = createApp({ database: new Database(), limits, logger })
  const { engine, missing } = app.realtime
  return {
    realtime: isBlind ? { engine: blindfold(engine), missing } : app.realtime,
    inside: createInside(app, logged),
  }
}
