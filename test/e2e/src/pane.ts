/** One half of the demo page, React's or Vue's, as a person uses it. */
import { byTestId, type Tab, textsOf, waitForShown, waitUntil } from './tab.ts'

/** The halves of the page. */
export type PaneName = 'react' | 'vue'

/** The rooms of a half. */
export type RoomName = 'lobby' | 'chat'

/** One half of the page. */
export class Pane {
  readonly name: PaneName
  readonly #tab: Tab

  constructor(tab: Tab, name: PaneName) {
    this.name = name
    this.#tab = tab
  }

  /** Waits until the connection is up over this wire, as the page names it. */
  async online(wire: 'WebSocket' | 'SSE' | 'Polling'): Promise<void> {
    await waitForShown(this.#tab, this.#at('state'), 'online')
    await waitForShown(this.#tab, this.#at('wire'), wire)
  }

  async choose(wire: 'auto' | 'websocket' | 'sse' | 'polling'): Promise<void> {
    await this.#tab.click(this.#at(`wire-${wire}`))
  }

  /**
   * Types a line and presses Enter. Where others write meanwhile, the page moves: a click may find the place where the
   * button has just been.
   */
  async say(room: RoomName, text: string): Promise<void> {
    await this.type(room, text)
    await this.#tab.enter(this.#at(`${room}-input`))
    await this.#emptied(room)
  }

  /** Types a line and clicks on the button. */
  async sayByButton(room: RoomName, text: string): Promise<void> {
    await this.type(room, text)
    await this.#tab.click(this.#at(`${room}-send`))
    await this.#emptied(room)
  }

  /** Waits until the page has taken the line. */
  async #emptied(room: RoomName): Promise<void> {
    await waitUntil(this.#tab, `document.querySelector(${JSON.stringify(this.#at(`${room}-input`))}).value === ''`)
  }

  /** Waits until a message is shown. */
  async sees(room: RoomName, text: string): Promise<void> {
    await waitForShown(this.#tab, this.#texts(room), text)
  }

  /** The texts of all messages shown, in order. */
  async texts(room: RoomName): Promise<readonly string[]> {
    return await textsOf(this.#tab, this.#texts(room))
  }

  /** Waits until so many messages are shown. */
  async seesMessages(room: RoomName, count: number): Promise<void> {
    const texts = JSON.stringify(this.#texts(room))
    await waitUntil(this.#tab, `document.querySelectorAll(${texts}).length === ${count}`)
  }

  /** Waits until a gap notice is shown. */
  async seesGap(room: RoomName): Promise<void> {
    await waitForShown(this.#tab, this.#gaps(room))
  }

  /** The gap notices shown. */
  async gaps(room: RoomName): Promise<readonly string[]> {
    return await textsOf(this.#tab, this.#gaps(room))
  }

  /** Types behind what is written already, without sending. */
  async type(room: RoomName, text: string): Promise<void> {
    await this.#tab.type(this.#at(`${room}-input`), text)
  }

  /** Waits until somebody is seen to type. */
  async seesTyping(room: RoomName): Promise<void> {
    await waitForShown(this.#tab, this.#at(room, 'typing'))
  }

  /** Whether anybody is seen to type. */
  async typing(room: RoomName): Promise<boolean> {
    return (await textsOf(this.#tab, this.#at(room, 'typing'))).length > 0
  }

  /** Waits until so many are there. */
  async seesMembers(count: number): Promise<void> {
    const members = JSON.stringify(this.#members())
    await waitUntil(this.#tab, `document.querySelectorAll(${members}).length === ${count}`)
  }

  async members(): Promise<number> {
    return (await textsOf(this.#tab, this.#members())).length
  }

  /** Waits until it is shown how long a round trip takes. */
  async seesRtt(): Promise<void> {
    await waitForShown(this.#tab, this.#at('rtt'), /\d+\s*ms/)
  }

  #members(): string {
    return `${this.#at('members')} li`
  }

  #texts(room: RoomName): string {
    return `${this.#at(`${room}-messages`)} li[data-id] .text`
  }

  #gaps(room: RoomName): string {
    return `${this.#at(`${room}-messages`)} li.gap`
  }

  #at(...names: readonly string[]): string {
    return byTestId(this.name, ...names)
  }
}
