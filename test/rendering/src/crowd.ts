/**
 * A room with many people in it: the real server, a page's client of it on a network in memory whose time the test moves,
 * and others. What a page costs is counted in messages and renders, because counts are the same on every machine.
 */
import { type ViewHandle, view } from '@triwire/client'
import { type TestClient, type TestNetwork, testNetwork } from '@triwire/test'
import type { Api, App } from './app.ts'

/** Milliseconds between frames of a screen, as the test network has them. */
const FRAME_MS = 16

/** Where pointers are, by who moves them. */
export type Cursors = Readonly<Record<string, number>>

type Chat = ReturnType<TestClient<Api>['channels']['chat']>

/** The room and the network it is in. */
export class Crowd {
  readonly net: TestNetwork<Api>
  /** The client of the page that is rendered. */
  readonly me: TestClient<Api>
  /** The room as that page has it. */
  readonly chat: Chat
  /** Its pointers, as a view that all who show them share. */
  readonly cursors: ViewHandle<Api['channels']['chat'], Cursors>
  readonly #app: App
  #lines = 0

  /** @param act wraps each step in which something may be rendered */
  constructor(app: App, act?: (step: () => Promise<void>) => Promise<unknown>) {
    this.#app = app
    this.net = testNetwork(app.realtime, act ? { act } : {})
    this.me = this.net.client({ auth: () => 'me' })
    this.chat = this.me.channels.chat({ roomId: '1' })
    this.cursors = view(this.me.channels.chat, {
      initial: (): Cursors => ({}),
      reduce: { cursor: (all, { x }, { from = '' }) => ({ ...all, [from]: x }) },
    })({ roomId: '1' })
  }

  /**
   * Guests show their names, all within one frame. They only speak: with a client each they would tell each other of each
   * other, which is nothing that a page could see.
   */
  async show(names: Readonly<Record<number, string>>): Promise<void> {
    const shown = Object.entries(names).map(async ([guest, name]) => {
      const hello = { t: 'hello', v: 1, s: guest.padEnd(22, 'A'), k: `guest ${guest}` }
      const presence = { t: 'pres', ch: this.chat.address, n: ++this.#lines, d: { name } }
      const body = `${JSON.stringify(hello)}\n${JSON.stringify(presence)}`
      const response = await this.#app.fetch('http://app.test/rt/send', { method: 'POST', body })
      const answer = await response.text()
      if (answer.includes('"err"')) throw new Error(answer)
    })
    await Promise.all(shown)
    await this.net.settle()
  }

  /**
   * Others move their pointers for a second, with each frame of their screens.
   * @param everyMs the interval of their signals
   */
  async movePointers(people: number, everyMs?: number): Promise<void> {
    const rooms = Array.from({ length: people }, (_, index) =>
      this.net.client({ auth: () => `painter ${index}` }).channels.chat({ roomId: '1' }),
    )
    for (const room of rooms) room.on({})
    await this.net.settle()
    const options = { key: 'pointer', ...(everyMs === undefined ? {} : { everyMs }) }
    for (let frame = 1; frame <= 60; frame++) {
      for (const room of rooms) room.signal('cursor', { x: frame }, options)
      await this.net.advance(FRAME_MS)
    }
    // What still waits for its turn.
    await this.net.advance(1000)
  }
}
