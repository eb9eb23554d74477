/** Where the servers of a suite come from. */
import { actInside, type Host, type HostOptions, type StartHost } from '@triwire-test/conformance'
import type { Bundles } from './bundle.ts'
import { SEES_BY_WRITING } from './sees-by-writing.ts'
import { startWorkerd } from './workerd.ts'

/** What starts the servers of a suite, and ends what they share. */
export interface Servers {
  readonly startHost: StartHost
  end(): Promise<void>
}

/** One process for all, which is asked for each further one. @param start starts it, with the first server */
export function shareProcess(start: StartHost): Servers {
  let process: Promise<Host> | undefined
  return {
    async startHost(options: HostOptions) {
      process ??= start({ limits: {}, isBlind: false })
      const { origin } = new URL((await process).base)
      const response = await fetch(`${origin}/inside/another`, { method: 'POST', body: JSON.stringify(options) })
      const port = await response.text()
      if (!response.ok) throw new Error(`The process made no other server: ${port}`)
      const own = `http://127.0.0.1:${Number(port)}`
      const inside = actInside(own)
      return { base: `${own}/rt`, ...inside, close: () => inside.leave() }
    },
    end: async () => (await process)?.close(),
  }
}

/** Workers, each with a runtime of its own that is ended with it. */
export function workerdServers(entry: string, bundles: Bundles): Servers {
  return {
    async startHost({ limits, ...rest }) {
      const options = { ...rest, limits: { ...SEES_BY_WRITING, ...limits } }
      const file = await bundles.path(`apps/${entry}`, 'workerd')
      const { origin, close } = await startWorkerd({ file, options })
      return { base: `${origin}/rt`, ...actInside(origin), close }
    },
    end: async () => {},
  }
}
