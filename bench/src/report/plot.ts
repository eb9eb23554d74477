// The plot of the page: CPU of the server per delivery to 1,000 subscribers, one bar per peer and pattern, on a logarithmic
// scale, because the difference between a write per message and a write per turn is a factor of fifty.

import type { Wire } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { median, type Sample } from '../sample.ts'

const PATTERNS = [
  { part: 'single, 1000', title: 'one message per tick', fill: '#4878a8' },
  { part: 'tens, 1000', title: 'bursts of ten', fill: '#d98b3a' },
  { part: 'fifties, 1000', title: 'bursts of fifty', fill: '#6b9e5b' },
]

const WIRES: readonly (readonly [wire: Wire, title: string])[] = [
  ['websocket', 'WebSocket'],
  ['sse', 'Server-Sent Events'],
  ['polling', 'long polling'],
]

const BAR = 9
const LEFT = 130
const WIDTH = 560
/** Microseconds at both ends of the scale. */
const FROM_US = 0.1
const TO_US = 200

/** The plot as SVG; empty where the run has no fan-out to 1,000 subscribers. */
export function plot(samples: readonly Sample[]): string {
  const marks: string[] = []
  let y = 44
  for (const [wire, title] of WIRES) {
    const peers = peersOf('fanout', wire).filter(
      ({ name }) => costOf(samples, wire, name, 'single, 1000') !== undefined,
    )
    if (peers.length === 0) continue
    marks.push(text(8, y + 10, title, 'bold'))
    y += 20
    for (const { name, kind } of peers) {
      marks.push(
        text(LEFT - 8, y + BAR * 1.5 + 4, name, kind === 'ours' ? 'bold' : kind === 'limit' ? 'italic' : '', 'end'),
      )
      for (const { part, fill } of PATTERNS) {
        const cost = costOf(samples, wire, name, part)
        if (cost !== undefined) {
          const width = Math.max(1, at(cost) - LEFT)
          marks.push(`<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 1}" fill="${fill}"/>`)
          marks.push(text(LEFT + width + 4, y + BAR - 1, String(Number(cost.toPrecision(2))), 'small'))
        }
        y += BAR
      }
      y += 6
    }
    y += 8
  }
  if (marks.length === 0) return ''
  const grid = [0.1, 1, 10, 100].flatMap((us) => [
    `<line x1="${at(us).toFixed(1)}" x2="${at(us).toFixed(1)}" y1="40" y2="${y}" stroke="#ccc"/>`,
    text(at(us), y + 14, `${us} µs`, 'small', 'middle'),
  ])
  const legend = PATTERNS.flatMap(({ title, fill }, index) => [
    `<rect x="${LEFT + index * 170}" y="14" width="10" height="10" fill="${fill}"/>`,
    text(LEFT + 16 + index * 170, 23, title, ''),
  ])
  const height = y + 24
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + 60} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>CPU of the server per delivery to 1,000 subscribers, in microseconds, logarithmic</title>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...grid,
    ...legend,
    ...marks,
    '</svg>\n',
  ].join('\n')
}

function at(us: number): number {
  return LEFT + (Math.log(us / FROM_US) / Math.log(TO_US / FROM_US)) * WIDTH
}

function costOf(samples: readonly Sample[], wire: Wire, peer: string, part: string): number | undefined {
  const costs = samples
    .filter((one) => one.scenario === 'fanout' && one.wire === wire && one.peer === peer && one.part === part)
    .map(({ figures }) => figures.cpuUsPerDelivery ?? Number.NaN)
  return costs.length === 0 ? undefined : median(costs)
}

function text(x: number, y: number, words: string, style: string, anchor = 'start'): string {
  const look =
    style === 'bold'
      ? ' font-weight="bold"'
      : style === 'italic'
        ? ' font-style="italic"'
        : style === 'small'
          ? ' font-size="9" fill="#555"'
          : ''
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${look}>${words}</text>`
}
