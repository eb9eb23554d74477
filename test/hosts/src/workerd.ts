/** Workers in workerd, Cloudflare's own runtime, each on a port of loopback. Nothing is asked of the network. */
import { dirname } from 'node:path'
import { Log, LogLevel, Miniflare } from 'miniflare'
import type { ChildOptions } from './apps/app.ts'

/** What is run. */
export interface WorkerdOptions {
  /** The file of the Worker, bundled. */
  readonly file: string
  /** What it finds as `OPTIONS`. */
  readonly options?: ChildOptions
  /** The file of another Worker, to which the same objects are bound. */
  readonly other?: string
}

/** A running one. */
export interface Workerd {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  /** Asks the other Worker, where there is one; resolves with the JSON it answers. */
  askOther(path: string): Promise<unknown>
  close(): Promise<void>
}

/** The day whose behaviour of the platform is asked for. */
const COMPATIBILITY_DATE = '2026-04-01'

/** Starts one, on a free port unless its options name one. */
export async function startWorkerd({ file, options = DEFAULTS, other }: WorkerdOptions): Promise<Workerd> {
  const flags = options.isEvictable ? ['experimental', 'unsafe_module'] : []
  const worker = (name: string, scriptPath: string) => ({
    name,
    modules: true,
    scriptPath,
    modulesRoot: dirname(scriptPath),
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: ['enable_request_signal', ...flags],
    durableObjects: { REALTIME: { className: 'RealtimeHub', scriptName: APP, useSQLite: true } },
    bindings: { OPTIONS: JSON.stringify(options) },
  })
  const miniflare = new Miniflare({
    workers: [worker(APP, file), ...(other === undefined ? [] : [worker(OTHER, other)])],
    host: '127.0.0.1',
    port: options.port ?? 0,
    cf: false,
    log: new Log(LogLevel.NONE),
    ...(options.folder === undefined ? {} : { durableObjectsPersist: options.folder }),
  })
  const { origin } = await miniflare.ready
  const askOther = async (path: string): Promise<unknown> => {
    // Its type is that of a package of platform types that nothing else here needs.
    const fetcher = (await miniflare.getWorker(OTHER)) as unknown as { fetch(url: string): Promise<Response> }
    return await (await fetcher.fetch(`http://other${path}`)).json()
  }
  return { origin, askOther, close: () => miniflare.dispose() }
}

const DEFAULTS: ChildOptions = { limits: {}, isBlind: false }
const APP = 'app'
const OTHER = 'other'
