// The nodes above the two clients: which there are, whom they serve, and the buttons that end one. Without a framework,
// and without a wire of its own: it listens to what both clients hear, and the first to hear of a tick will do.

import type { Client } from '@triwire/client'
import type { Api, Node, Tick } from './contract.ts'
import type { App, Guest } from './shared/guest.ts'

/** A client of this page. */
export interface PanelClient {
  readonly app: App
  readonly name: string
  readonly guest: Guest
  readonly cluster: ReturnType<Client<Api>['channels']['cluster']>
}

const STATE: Readonly<Record<Node['state'], string>> = {
  starting: 'starting…',
  up: 'up',
  draining: 'draining…',
  down: 'gone, soon back',
}

/** Fills the panel, and shows it from the first tick on. */
export function mountNodes(root: HTMLElement, clients: readonly PanelClient[]): void {
  const text = element(
    'p',
    'nodes-text',
    'Each node is a process of its own, and every request goes to the next one. Kill one, and watch nothing happen.',
  )
  const trouble = element('p', 'notice')
  trouble.role = 'alert'
  const list = element('ol', 'node-list')
  const cards = new Map<number, Card>()
  let latest = ''

  const show = ({ run, n, nodes, seats }: Tick): void => {
    const tick = `${run}:${n}`
    if (tick === latest) return
    latest = tick
    for (const node of nodes) {
      let card = cards.get(node.id)
      if (card === undefined) {
        card = createCard(node.id, clients, (problem) => trouble.replaceChildren(problem))
        cards.set(node.id, card)
        list.append(card.root)
      }
      card.show(node, seats)
    }
    root.hidden = false
  }

  root.append(text, list, trouble)
  for (const { cluster } of clients) cluster.on({ tick: show })
}

interface Card {
  readonly root: HTMLElement
  show(node: Node, seats: Tick['seats']): void
}

function createCard(id: number, clients: readonly PanelClient[], onProblem: (problem: string) => void): Card {
  const root = element('li', 'node')
  root.dataset.testid = `node-${id}`
  const name = element('div', 'node-name')
  const state = document.createElement('span')
  name.append(element('b', '', `Node ${id}`), state)
  const served = clients.map(({ app, name, guest }) => {
    const chip = element('span', 'chip', name)
    chip.dataset.app = app
    return { chip, seat: guest.seat }
  })
  const chips = element('span', 'chips')
  chips.append(...served.map(({ chip }) => chip))
  const buttons = (['kill', 'drain'] as const).map((action) => {
    const button = element('button', 'act', action === 'kill' ? 'Kill' : 'Drain')
    button.type = 'button'
    button.title = action === 'kill' ? 'SIGKILL: no goodbye' : 'Its clients go elsewhere first, then it ends'
    button.ariaLabel = `${button.textContent} node ${id}`
    button.dataset.testid = `${action}-${id}`
    button.addEventListener('click', () => void act(id, action).then(onProblem))
    return button
  })
  root.append(name, chips, ...buttons)
  return {
    root,
    show(node, seats) {
      root.dataset.state = node.state
      state.textContent = node.state === 'up' ? `up, pid ${node.pid}` : STATE[node.state]
      for (const { chip, seat } of served) chip.dataset.here = String(seats[seat] === id)
      for (const button of buttons) button.disabled = node.state !== 'up'
    },
  }
}

/** Asks for it; resolves with what went wrong, or with nothing. */
async function act(id: number, action: 'kill' | 'drain'): Promise<string> {
  try {
    const { status } = await fetch(`/nodes/${id}/${action}`, { method: 'POST' })
    if (status === 403) return 'Only a page that was opened on this machine may do that.'
    return status === 204 || status === 409 ? '' : `The demo answered ${status}.`
  } catch {
    return 'The demo does not answer.'
  }
}

function element<TName extends keyof HTMLElementTagNameMap>(
  name: TName,
  className: string,
  text = '',
): HTMLElementTagNameMap[TName] {
  const created = document.createElement(name)
  created.className = className
  created.textContent = text
  return created
}
