/** What the page shows about the nodes behind it, and every tick that came to one half of it. */
import type { PaneName } from './pane.ts'
import { byTestId, type Tab, textsOf, waitForShown, waitUntil } from './tab.ts'

/**
 * Writes down the number of every tick that is shown, as it is shown. Where more came at once than the page draws, which is
 * twelve seconds of them, the first are counted and have no number. As text, because it runs in the page.
 */
const LEDGER = `(() => {
  window.ticks = {}
  for (const name of ['react', 'vue']) {
    const pane = document.querySelector('[data-testid=' + name + ']')
    const count = pane.querySelector('[data-testid=ticks]')
    const seen = (window.ticks[name] = [])
    let read = Number(count.textContent) - pane.querySelectorAll('li[data-n]').length
    const look = () => {
      const fresh = Number(count.textContent) - read
      read += fresh
      if (fresh <= 0) return
      const drawn = [...pane.querySelectorAll('li[data-n]')].slice(-fresh).map(({ dataset }) => Number(dataset.n))
      seen.push(...Array(fresh - drawn.length).fill(null), ...drawn)
    }
    new MutationObserver(look).observe(pane, { subtree: true, childList: true, characterData: true })
    look()
  }
})()`

/** The nodes, as a person sees them and acts on them. */
export class NodesPanel {
  readonly #tab: Tab

  private constructor(tab: Tab) {
    this.#tab = tab
  }

  /** Waits until both halves hear the ticker, and begins to write it down. */
  static async watch(tab: Tab): Promise<NodesPanel> {
    const panel = new NodesPanel(tab)
    for (const pane of ['react', 'vue'] as const) await panel.served(pane)
    await tab.evaluate(LEDGER)
    return panel
  }

  /** Waits until a node serves this half; on polls, where all do in turn, the one that does at the moment. */
  async served(pane: PaneName): Promise<number> {
    const find = `document.querySelector('.node:has(.chip[data-app="${pane}"][data-here="true"])')`
    // Looked at and read in one step: on polls it is another one in the next moment.
    await waitUntil(this.#tab, `(window.serving = ${find}?.dataset.testid) !== undefined`)
    return Number(String(await this.#tab.evaluate('serving')).replace('node-', ''))
  }

  async press(action: 'kill' | 'drain', node: number): Promise<void> {
    await this.#tab.click(byTestId(`${action}-${node}`))
  }

  /** Waits until a node is in this state. */
  async inState(node: number, state: 'up' | 'down'): Promise<void> {
    await waitForShown(this.#tab, `.node[data-testid="node-${node}"][data-state="${state}"]`)
  }

  /** Waits until a half has heard so many ticks more. */
  async hears(pane: PaneName, more: number): Promise<void> {
    await waitUntil(this.#tab, `ticks.${pane}.length >= ${(await this.ticks(pane)).length + more}`)
  }

  /** The numbers of the ticks a half has heard, in the order they came; null of one that was not drawn. */
  async ticks(pane: PaneName): Promise<readonly (number | null)[]> {
    return (await this.#tab.evaluate(`ticks.${pane}`)) as readonly (number | null)[]
  }

  /** What a half says of its ticks. */
  async account(pane: PaneName): Promise<Readonly<Record<'lost' | 'doubled' | 'disordered', string | undefined>>> {
    const say = async (what: string): Promise<string | undefined> =>
      (await textsOf(this.#tab, byTestId(pane, what)))[0]
    return { lost: await say('lost'), doubled: await say('doubled'), disordered: await say('disordered') }
  }
}
