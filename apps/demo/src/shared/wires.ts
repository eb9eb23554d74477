// The three wires as the page names and colours them: `data-wire` in the markup picks the colour in styles.css.

import type { WireName } from '@triwire/client'

/** What the switch offers: the best wire that works, or one alone. */
export type WireChoice = 'auto' | WireName

/** From best to last resort, as the client tries them. */
export const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']

export const WIRE_CHOICES: readonly WireChoice[] = ['auto', ...WIRES]

const LABELS: Readonly<Record<WireChoice, string>> = {
  auto: 'Auto',
  websocket: 'WebSocket',
  sse: 'SSE',
  polling: 'Polling',
}

/** What to call a wire, or the absence of one. */
export function wireLabel(choice: WireChoice | undefined): string {
  return choice ? LABELS[choice] : 'no wire'
}

/** What the client takes for a choice. */
export function wiresOf(choice: WireChoice): readonly WireName[] {
  return choice === 'auto' ? WIRES : [choice]
}

export function isWireChoice(value: unknown): value is WireChoice {
  return (WIRE_CHOICES as readonly unknown[]).includes(value)
}
