/** What the page shows about the nodes behind it, and every tick that came to one half of it. */
import type { Locator, Page } from 'playwright-core'
import type { PaneName } from './pane.ts'

/** Writes down the number of every tick that is shown, as it is shown. As text, because it runs in the page. */
const LEDGER = `{
  window.ticks = {}
  for (const name of ['react', 'vue']) {
    const pane = document.querySelector('[data-testid=' + name + ']')
    const count = pane.querySelector('[data-testid=ticks]')
    const seen = (window.ticks[name] = [])
    let read = 0
    const look = () => {
      const fresh = Number(count.textContent) - read
      read += fresh
      if (fresh > 0) seen.push(...[...pane.querySelectorAll('li[data-n]')].slice(-fresh).map(({ dataset }) => Number(dataset.n)))
    }
    new MutationObserver(look).observe(pane, { subtree: true, childList: true, characterData: true })
    look()
  }
}`

/** The nodes, as a person sees them and acts on them. */
export class NodesPanel {
  readonly #page: Page

  private constructor(page: Page) {
    this.#page = page
  }

  /** Waits until both halves hear the ticker, and begins to write it down. */
  static async watch(page: Page): Promise<NodesPanel> {
    const panel = new NodesPanel(page)
    for (const pane of ['react', 'vue'] as const) await panel.served(pane)
    await page.evaluate(LEDGER)
    return panel
  }

  /** Waits until a node serves this half; on polls, where all do in turn, the one that does at the moment. */
  async served(pane: PaneName): Promise<number> {
    const chip = this.#nodes(`:has(.chip[data-app="${pane}"][data-here="true"])`).first()
    await chip.waitFor()
    return Number((await chip.getAttribute('data-testid'))?.replace('node-', ''))
  }

  async press(action: 'kill' | 'drain', node: number): Promise<void> {
    await this.#page.getByTestId(`${action}-${node}`).click()
  }

  /** Waits until a node is in this state. */
  async inState(node: number, state: 'up' | 'down'): Promise<void> {
    await this.#nodes(`[data-testid="node-${node}"][data-state="${state}"]`).waitFor()
  }

  /** Waits until a half has heard so many ticks more. */
  async hears(pane: PaneName, more: number): Promise<void> {
    await this.#page.waitForFunction(`ticks.${pane}.length >= ${(await this.ticks(pane)).length + more}`)
  }

  /** The numbers of the ticks a half has heard, in the order they came. */
  async ticks(pane: PaneName): Promise<readonly number[]> {
    return (await this.#page.evaluate(`ticks.${pane}`)) as readonly number[]
  }

  /** What a half says of its ticks. */
  async account(pane: PaneName): Promise<Readonly<Record<'lost' | 'doubled' | 'disordered', string | null>>> {
    const say = (what: string): Promise<string | null> =>
      this.#page.getByTestId(pane).getByTestId(what).textContent()
    return { lost: await say('lost'), doubled: await say('doubled'), disordered: await say('disordered') }
  }

  #nodes(selector: string): Locator {
    return this.#page.locator(`.node${selector}`)
  }
}
