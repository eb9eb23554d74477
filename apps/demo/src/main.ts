// The page around the two clients. Each of them lives in its own folder and knows nothing of the other.

import { mountNodes } from './nodes-panel.ts'
import { mountReact } from './react/mount.tsx'
import * as react from './react/realtime.ts'
import { nodeCount } from './shared/cluster.ts'
import { hrefOf, room } from './shared/location.ts'
import { mountVue } from './vue/mount.ts'
import * as vue from './vue/realtime.ts'

/** `staff` is a closed door: the server denies it, and the page shows what that looks like. */
const ROOMS = ['general', 'design', 'staff']

const links = [...new Set([...ROOMS, room])].map((name) => {
  const link = document.createElement('a')
  link.href = hrefOf(name)
  link.textContent = name
  if (name === room) link.ariaCurrent = 'page'
  return link
})
byId('rooms').append(...links)

const curl = `curl -N '${location.origin}/rt/sse?channel=lobby/${encodeURIComponent(room)}'`
byId('curl').textContent = curl
byId('copy').addEventListener('click', ({ currentTarget }) => void copy(currentTarget as HTMLButtonElement))

mountReact(byId('react'))
mountVue(byId('vue'))
if (nodeCount > 0) {
  const clients = [
    { app: 'react', name: 'React', ...react },
    { app: 'vue', name: 'Vue', ...vue },
  ] as const
  mountNodes(byId('nodes'), clients)
}

async function copy(button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(curl)
    button.textContent = 'Copied'
  } catch {
    getSelection()?.selectAllChildren(byId('curl')) // no clipboard outside https and localhost
  }
}

function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (!element) throw new Error(`The page has no element #${id}.`)
  return element
}
