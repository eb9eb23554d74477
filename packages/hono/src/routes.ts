/** The routes themselves, the same on every runtime: one app for everything below the mount, wherever that is. */
import { type Context, Hono } from 'hono'
import { baseRoutePath } from 'hono/route'

/** @param answer is given the path below the mount, beginning with `/` */
export function routes(answer: (c: Context, path: string) => Promise<Response>): Hono {
  return new Hono().all('/*', (c) => {
    // Counted in segments, because a base may hold parameters: `/:tenant/rt`.
    const depth = baseRoutePath(c)
      .replace(/\/\*?$/, '')
      .split('/').length
    return answer(c, `/${new URL(c.req.url).pathname.split('/').slice(depth).join('/')}`)
  })
}
