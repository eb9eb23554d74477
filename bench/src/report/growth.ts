// How figures grow, as Markdown tables: each size relative to the smallest, within each round, so that a machine that is
// slower for a while grows nobody.

import { peersOf } from '../peers/peers.ts'
import { figuresOf, median, ratios, type Sample } from '../sample.ts'
import { SERIES, type Series } from './series.ts'

/** A table per series of which the run has the smallest size and another; empty where it has none. */
export function growthTables(samples: readonly Sample[]): string {
  return SERIES.map((series) => growthTable(series, samples))
    .filter((text) => text !== '')
    .join('\n\n')
}

function growthTable({ title, scenario, wire, figure, sizes, flat }: Series, samples: readonly Sample[]): string {
  const [smallest, ...larger] = sizes
  const measured = larger.filter(({ part }) =>
    samples.some((one) => one.scenario === scenario && one.wire === wire && one.part === part),
  )
  const lines = peersOf(scenario, wire).flatMap(({ name, kind }) => {
    const at = (part: string) => figuresOf(samples, { scenario, wire, part, peer: name, figure })
    const growths = measured.map(({ part }) => ratios({ of: at(part), to: at(smallest?.part ?? '') }))
    if (growths.every((rounds) => rounds.length === 0)) return []
    const cells = growths.map((rounds) => (rounds.length === 0 ? '–' : median(rounds).toFixed(2)))
    return [[kind === 'limit' ? `_${name}_` : kind === 'ours' ? `**${name}**` : name, ...cells]]
  })
  if (lines.length === 0) return ''
  const head = [`to that at ${smallest?.title}`, ...measured.map((size) => size.title)]
  const rows = [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...lines]
  return `#### ${title} (flat: at most ${flat})\n\n${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}`
}
