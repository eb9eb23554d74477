/** The cases on one runtime: all of them through its own adapter, and a selection through Hono. */
import { conformanceSuite } from '@triwire-test/conformance'
import { afterAll, describe } from 'vitest'
import { type Bundles, createBundles } from './bundle.ts'
import { hostOn, type Runtime } from './runtimes.ts'
import { type Servers, shareProcess } from './servers.ts'

/** What differs from runtime to runtime. */
export interface RuntimeSuiteOptions {
  /** The app all cases are put to. */
  readonly entry: string
  /** The app of the selection. */
  readonly honoEntry?: string
  readonly leaveOut?: Readonly<Record<string, string>>
  readonly withoutWires?: { readonly websocket: string }
  /** Where its servers come from. Default: all from one process. */
  readonly serve?: (entry: string, bundles: Bundles) => Servers
}

/** What could differ under Hono: how a request comes in, how an answer goes out, and how a connection ends. */
const THROUGH_HONO =
  /^(?:open|stream|poll|rotation|drain|close|slow-reader|publish$|command|presence$|origin|plain|join-resume)/

/** Registers them. Skipped as a whole, visibly, where the runtime is not installed. */
export function runtimeSuite(runtime: Runtime, options: RuntimeSuiteOptions): void {
  const bundles = createBundles()
  const inOneProcess = (app: string): Servers => shareProcess(hostOn(runtime, app, bundles))
  const { entry, honoEntry, serve = inOneProcess, ...rest } = options
  const register = (name: string, app: string, select: (one: { readonly id: string }) => boolean): void => {
    describe.skipIf(runtime.binary === undefined)(name, () => {
      const { startHost, end } = serve(app, bundles)
      // Registered first, so that it runs last.
      afterAll(end)
      conformanceSuite(name, { ...rest, startHost, select, concurrent: true })
    })
  }
  afterAll(() => bundles.remove())
  register(runtime.name, entry, () => true)
  if (honoEntry !== undefined) register(`Hono on ${runtime.name}`, honoEntry, ({ id }) => THROUGH_HONO.test(id))
}
