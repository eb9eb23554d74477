// One figure of one scenario as a Markdown table: a line per peer, a column per part, medians over the rounds.

import type { Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { median, type Sample, spread } from '../sample.ts'

/** What to show. */
export interface PivotOptions {
  readonly scenario: string
  readonly wire: Wire
  readonly figure: string
  /** A second figure, in brackets behind the first. */
  readonly within?: string
  /** Parts that are shown, in this order; those nobody measured are left out. */
  readonly parts: readonly string[]
}

/** The table; empty where the run has nothing of it. */
export function pivot(samples: readonly Sample[], options: PivotOptions): string {
  const { scenario, wire, figure, within, parts } = options
  const here = samples.filter((one) => one.scenario === scenario && one.wire === wire)
  const valuesOf = (peer: string, part: string, name: string): number[] =>
    here.filter((one) => one.peer === peer && one.part === part).map(({ figures }) => figures[name] ?? Number.NaN)
  const measured = parts.filter((part) => here.some((one) => one.part === part))
  const peers = peersOf(scenario, wire).filter(({ name }) => here.some(({ peer }) => peer === name))
  if (measured.length === 0 || peers.length === 0) return ''
  const cell = (peer: string, part: string): string => {
    const values = valuesOf(peer, part, figure)
    if (values.length === 0) return '–'
    const inside = within === undefined ? '' : ` (${figureText(median(valuesOf(peer, part, within)))})`
    const wide = values.length > 1 ? ` ±${Math.round(spread(values) * 50)} %` : ''
    return `${figureText(median(values))}${inside}${wide}`
  }
  const lines = peers.map(({ name, kind }) => [
    kind === 'limit' ? `_${name}_` : kind === 'ours' ? `**${name}**` : name,
    ...measured.map((part) => cell(name, part)),
  ])
  const head = ['', ...measured]
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** Two digits that count, at least. */
function figureText(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 1 ? 2 : value < 100 ? 1 : 0 })
}
