/** One half of the demo page, React's or Vue's, as a person uses it. */
import type { Locator, Page } from 'playwright-core'

/** The halves of the page. */
export type PaneName = 'react' | 'vue'

/** The rooms of a half. */
export type RoomName = 'lobby' | 'chat'

/** One half of the page. */
export class Pane {
  readonly name: PaneName
  readonly #root: Locator

  constructor(page: Page, name: PaneName) {
    this.name = name
    this.#root = page.getByTestId(name)
  }

  /** Waits until the connection is up over this wire, as the page names it. */
  async online(wire: 'WebSocket' | 'SSE' | 'Polling'): Promise<void> {
    await this.#root.getByTestId('state').getByText('online', { exact: true }).waitFor()
    await this.#root.getByTestId('wire').getByText(wire, { exact: true }).waitFor()
  }

  async choose(wire: 'auto' | 'websocket' | 'sse' | 'polling'): Promise<void> {
    await this.#root.getByTestId(`wire-${wire}`).click()
  }

  async say(room: RoomName, text: string): Promise<void> {
    await this.#root.getByTestId(`${room}-input`).fill(text)
    await this.#root.getByTestId(`${room}-send`).click()
  }

  /** Waits until a message is shown. */
  async sees(room: RoomName, text: string): Promise<void> {
    await this.#messages(room).getByText(text, { exact: true }).first().waitFor()
  }

  /** The texts of all messages shown, in order. */
  async texts(room: RoomName): Promise<string[]> {
    return await this.#messages(room).locator('li[data-id] .text').allTextContents()
  }

  /** The gap notices shown. */
  gaps(room: RoomName): Locator {
    return this.#messages(room).locator('li.gap')
  }

  /** Types without sending. */
  async type(room: RoomName, text: string): Promise<void> {
    await this.#root.getByTestId(`${room}-input`).pressSequentially(text)
  }

  /** The note that somebody is typing in a room. */
  typing(room: RoomName): Locator {
    return this.#room(room).getByTestId('typing')
  }

  members(): Locator {
    return this.#root.getByTestId('members').locator('li')
  }

  rtt(): Locator {
    return this.#root.getByTestId('rtt')
  }

  #room(room: RoomName): Locator {
    return this.#root.getByTestId(room)
  }

  #messages(room: RoomName): Locator {
    return this.#root.getByTestId(`${room}-messages`)
  }
}
