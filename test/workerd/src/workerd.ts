/** A Worker in workerd, Cloudflare's own runtime, on a free port of loopback. Nothing is asked of the network. */
import { Log, LogLevel, Miniflare } from 'miniflare'

/** What is run. */
export interface WorkerdOptions {
  /** The Worker, bundled. */
  readonly script: string
  /** What it finds in its environment beside the object's binding. */
  readonly bindings?: Readonly<Record<string, unknown>>
  /** Where objects keep what they store. Default in memory. */
  readonly folder?: string
  /** Default a free one. */
  readonly port?: number
}

/** A running one. */
export interface Workerd {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  close(): Promise<void>
}

/** The day whose behaviour of the platform is asked for. */
const COMPATIBILITY_DATE = '2026-04-01'

/** Starts one. */
export async function startWorkerd({ script, bindings = {}, folder, port = 0 }: WorkerdOptions): Promise<Workerd> {
  const miniflare = new Miniflare({
    modules: true,
    script,
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: ['enable_request_signal'],
    durableObjects: { REALTIME: { className: 'RealtimeHub', useSQLite: true } },
    bindings: bindings as Record<string, never>,
    host: '127.0.0.1',
    port,
    cf: false,
    log: new Log(LogLevel.NONE),
    ...(folder === undefined ? {} : { durableObjectsPersist: folder }),
  })
  const { origin } = await miniflare.ready
  return { origin, close: () => miniflare.dispose() }
}
