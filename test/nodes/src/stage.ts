/** What one test is played on: three nodes of its own on the store, behind a balancer, and clients of them. */
import { type Client, createClient, type WireName } from '@triwire/client'
import type { Broker } from '@triwire/server'
import { startRoundRobin } from '@triwire-test/services'
import type { TestContext } from 'vitest'
import WebSocket from 'ws'
import { type AppNode, type api, startNode, World } from './app.ts'

/** A store that all nodes share. */
export interface Store {
  readonly port: number
  /** A broker for a node, on the port its line to the store has. Those of one prefix share everything. */
  readonly connect: (port: number, prefix: string) => Broker
}

type AppClient = Client<typeof api>

let stages = 0

/** Sets one up for a test. */
export async function setStage(store: Store, { onTestFinished }: TestContext): Promise<Stage> {
  const world = new World()
  const prefix = `stage-${stages++}:`
  const [first, second, third] = await Promise.all(
    ['a', 'b', 'c'].map((name) => startNode(name, world, prefix, store)),
  )
  if (first === undefined || second === undefined || third === undefined) throw new Error('Three were started.')
  const front = await startRoundRobin([first, second, third].map(({ port }) => port))
  const stage = new Stage(world, prefix, [first, second, third], front.port)
  onTestFinished(async () => {
    stage.close()
    await front.close()
    await Promise.all(stage.nodes.map((node) => node.close()))
  })
  return stage
}

/** The stage. */
export class Stage {
  readonly room = 'room'
  readonly prefix: string
  readonly world: World
  readonly nodes: readonly [AppNode, AppNode, AppNode]
  readonly #port: number
  readonly #clients: AppClient[] = []

  constructor(world: World, prefix: string, nodes: readonly [AppNode, AppNode, AppNode], port: number) {
    this.world = world
    this.prefix = prefix
    this.nodes = nodes
    this.#port = port
  }

  /** A client behind the balancer, or on one node. */
  connect(user: string, wire: WireName, port = this.#port): AppClient {
    const client = createClient<typeof api>({
      url: `http://127.0.0.1:${port}/rt`,
      auth: () => user,
      wires: [wire],
      webSocket: WebSocket as never,
      backoff: { baseMs: 20, capMs: 200 },
    })
    this.#clients.push(client)
    return client
  }

  /** Says something in the room, from a node. */
  async say(node: AppNode | undefined, text: string, id = this.room): Promise<void> {
    await node?.realtime.channels.room({ id }).emit('message', { text })
  }

  /** What a client hears in a room, from when it resolves on. */
  async listen(client: AppClient, id = this.room): Promise<Listener> {
    const listener = new Listener(client, id)
    await listener.until(() => listener.status === 'live')
    return listener
  }

  /** Who a client sees in the room, and is seen as. */
  watch(client: AppClient, name: string): Watcher {
    return new Watcher(client, this.room, name)
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }
}

/** Waits for conditions on something that tells when it has changed. */
class Waiting {
  readonly #checks = new Set<() => void>()

  /** Resolves when it holds. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return
        this.#checks.delete(check)
        resolve()
      }
      this.#checks.add(check)
      check()
    })
  }

  protected changed(): void {
    for (const check of [...this.#checks]) check()
  }
}

/** What a client hears in a room. */
export class Listener extends Waiting {
  readonly texts: string[] = []
  readonly gaps: string[] = []
  readonly #status: () => string

  constructor(client: AppClient, id: string) {
    super()
    const observer = client.channels.room({ id }).observe({
      on: {
        message: ({ text }) => {
          this.texts.push(text)
          this.changed()
        },
        $gap: ({ reason }) => void this.gaps.push(reason),
      },
    })
    this.#status = () => observer.getSnapshot().status
    observer.subscribe(() => this.changed())
  }

  get status(): string {
    return this.#status()
  }
}

/** Who a client sees in a room. */
export class Watcher extends Waiting {
  readonly update: (name: string) => void
  readonly #names: () => string

  constructor(client: AppClient, id: string, name: string) {
    super()
    const observer = client.channels.room({ id }).observePresence({ set: { name } })
    this.update = (next) => observer.update({ name: next })
    this.#names = () => {
      const { members, synced } = observer.getSnapshot()
      const names = members.map((member) => member.value.name).sort()
      return synced ? names.join() : 'not known'
    }
    observer.subscribe(() => this.changed())
  }

  /** Their names in order, with commas between. */
  get names(): string {
    return this.#names()
  }

  untilNames(expected: string): Promise<void> {
    return this.until(() => this.names === expected)
  }
}
