/** A Worker with an object that does nothing: what the runtime costs by itself. */
import { DurableObject, env } from 'cloudflare:workers'

export class RealtimeHub extends DurableObject {
  fetch(): Response {
    return new Response('{"t":"welcome"}')
  }
}

interface Namespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(request: Request): Promise<Response> }
}

export default {
  fetch(request: Request): Promise<Response> {
    const objects = env.REALTIME as Namespace
    return objects.get(objects.idFromName('default')).fetch(request)
  },
}
