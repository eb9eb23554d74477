// The looks of a soak as lines of a Markdown table, each printed when it is had.

import type { Look, Verdict } from './soak.ts'
import { FLAT_GROWTH } from './soak.ts'

const TITLES = [
  'minute',
  'heap KB',
  'buffers KB',
  'resident KB',
  'handles',
  'timers',
  'channels',
  'subscriptions',
  'visitors',
  'came',
  'acts',
  'over WebSocket',
  'SSE',
  'polling',
  'CPU %',
]

/** Its head. */
export function lookHead(): string {
  return `| ${TITLES.join(' | ')} |\n| ${TITLES.map(() => '---:').join(' | ')} |`
}

/** One line. */
export function lookLine(look: Look): string {
  const { delivered } = look
  const cells = [
    Number(look.minute.toFixed(1)),
    Math.round(look.heapBytes / 1000),
    Math.round(look.externalBytes / 1000),
    Math.round(look.residentBytes / 1000),
    look.handles,
    look.timers,
    look.channels,
    look.subscriptions,
    look.visitors,
    look.came,
    look.acts,
    delivered.websocket,
    delivered.sse,
    delivered.polling,
    Number((look.busy * 100).toFixed(1)),
  ]
  return `| ${cells.map((cell) => cell.toLocaleString('en-US')).join(' | ')} |`
}

/** The end of it, in a sentence. */
export function verdictLine({ bytesPerMinute, growth, count, isFlat }: Verdict): string {
  const rises = `${Math.round(bytesPerMinute).toLocaleString('en-US')} bytes a minute`
  const share = `${(growth * 100).toFixed(2)} % over the last ${count} looks`
  return `Heap and buffers after collection: ${rises}, ${share}, at most ${FLAT_GROWTH * 100} %: ${isFlat ? 'flat' : 'it grows'}.`
}
