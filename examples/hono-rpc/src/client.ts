/** Both clients of the app. Of `app.ts` and `contract.ts` only the types get here. */
import { type ClientOptions, createClient } from '@triwire/client'
import { hc } from 'hono/client'
import type { App } from './app.ts'
import type { Api } from './contract.ts'

export function connect(url: string, options: Omit<ClientOptions, 'url'> = {}) {
  return { http: hc<App>(url), realtime: createClient<Api>({ url: `${url}/rt`, ...options }) }
}
