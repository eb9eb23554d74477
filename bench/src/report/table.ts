// Samples as Markdown tables: a table per scenario and part, a line per peer, with medians over the rounds.

import { peersOf } from '../peers/peers.ts'
import { median, type Sample, spread } from '../sample.ts'

/** What is shown of a scenario: the figure that peers are ranked by comes first. */
interface Column {
  readonly figure: string
  readonly title: string
  /** What the figure is divided by to be printed. */
  readonly unit?: number
  readonly digits: number
}

const DELIVERY: readonly Column[] = [
  { figure: 'cpuUsPerDelivery', title: 'CPU µs per delivery', digits: 2 },
  { figure: 'userUsPerDelivery', title: 'of it user', digits: 2 },
]

const LATENCY: readonly Column[] = [
  { figure: 'p50Us', title: 'p50 ms', unit: 1000, digits: 2 },
  { figure: 'p99Us', title: 'p99 ms', unit: 1000, digits: 2 },
  { figure: 'p999Us', title: 'p99.9 ms', unit: 1000, digits: 2 },
]

const REPLAY: readonly Column[] = [...DELIVERY, { figure: 'allMs', title: 'all there after ms', digits: 0 }]

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  fanout: [...DELIVERY, { figure: 'deliveriesPerSecond', title: 'deliveries a second', digits: 0 }],
  latency: [...LATENCY, { figure: 'busy', title: 'server busy %', unit: 0.01, digits: 0 }],
  memory: [
    { figure: 'bytesPerConnection', title: 'KB per connection', unit: 1000, digits: 2 },
    { figure: 'heapBytesPerConnection', title: 'of it heap', unit: 1000, digits: 2 },
    { figure: 'residentBytesPerConnection', title: 'resident KB', unit: 1000, digits: 2 },
  ],
  connect: [
    { figure: 'cpuUsPerConnect', title: 'CPU µs per connect', digits: 0 },
    { figure: 'userUsPerConnect', title: 'of it user', digits: 0 },
    { figure: 'stormMs', title: 'all there after ms', digits: 0 },
  ],
  ingest: [
    { figure: 'cpuUsPerPublish', title: 'CPU µs per publish', digits: 2 },
    { figure: 'userUsPerPublish', title: 'of it user', digits: 2 },
  ],
  command: [
    { figure: 'cpuUsPerCall', title: 'CPU µs per call', digits: 1 },
    { figure: 'userUsPerCall', title: 'of it user', digits: 1 },
    ...LATENCY,
  ],
  replay: REPLAY,
  restart: REPLAY,
  channels: DELIVERY,
  presence: DELIVERY,
  pauses: [
    { figure: 'longestPauseMs', title: 'longest pause ms', digits: 1 },
    { figure: 'p99PauseMs', title: 'p99 ms', digits: 1 },
    { figure: 'collections', title: 'collections', digits: 0 },
    { figure: 'fullCollections', title: 'of the whole heap', digits: 0 },
  ],
  flood: [
    { figure: 'p99Times', title: 'p99 to alone', digits: 2 },
    { figure: 'ratePart', title: 'rate to alone', digits: 3 },
    { figure: 'aloneP50Us', title: 'alone p50 ms', unit: 1000, digits: 2 },
    { figure: 'aloneP99Us', title: 'p99 ms', unit: 1000, digits: 2 },
    { figure: 'aloneCpuPart', title: 'CPU %', unit: 0.01, digits: 0 },
    { figure: 'p50Us', title: 'beside it p50 ms', unit: 1000, digits: 2 },
    { figure: 'p99Us', title: 'p99 ms', unit: 1000, digits: 2 },
    { figure: 'cpuPart', title: 'CPU %', unit: 0.01, digits: 0 },
    { figure: 'donePerSecond', title: 'of the flood a second', digits: 0 },
    { figure: 'letGoPerSecond', title: 'let go a second', digits: 1 },
  ],
  browser: [
    { figure: 'mainUsPerEvent', title: 'CPU µs of the main thread per event', digits: 2 },
    { figure: 'scriptUsPerEvent', title: 'of it script', digits: 2 },
    { figure: 'browserUsPerEvent', title: 'of the whole browser', digits: 2 },
    { figure: 'serverUsPerEvent', title: 'of the server', digits: 2 },
    { figure: 'eventsPerSecond', title: 'events a second', digits: 0 },
    { figure: 'framesPerSecond', title: 'frames a second', digits: 1 },
    { figure: 'droppedShare', title: 'late frames %', unit: 0.01, digits: 1 },
    { figure: 'restDroppedShare', title: 'at rest %', unit: 0.01, digits: 1 },
    { figure: 'longTasks', title: 'long tasks', digits: 0 },
  ],
}

/** All tables of a run. */
export function tables(samples: readonly Sample[]): string {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const title = `${sample.scenario}: ${sample.part}, ${sample.wire}`
    const group = groups.get(title)
    if (group === undefined) groups.set(title, [sample])
    else group.push(sample)
  }
  return [...groups].map(([title, group]) => `### ${title}\n\n${table(group)}`).join('\n\n')
}

/** One table: samples of one part of one scenario on one wire. */
function table(samples: readonly Sample[]): string {
  const [first] = samples
  if (first === undefined) return ''
  const columns = COLUMNS[first.scenario] ?? []
  const [ranking] = columns
  if (ranking === undefined) return ''
  const valuesOf = (peer: string, figure: string): number[] =>
    samples.filter((sample) => sample.peer === peer).map(({ figures }) => figures[figure] ?? Number.NaN)
  const here = peersOf(first.scenario, first.wire).filter(({ name }) => samples.some(({ peer }) => peer === name))
  const costOf = (peer: string): number => median(valuesOf(peer, ranking.figure))
  const naive = here.find(({ name }) => name === 'ws')
  const peers = here.filter(({ kind }) => kind === 'peer')
  const best = Math.min(...peers.map(({ name }) => costOf(name)))
  const lines = here.map(({ name, kind }) => [
    kind === 'limit' ? `_${name}_` : kind === 'ours' ? `**${name}**` : name,
    ...columns.map(({ figure, unit = 1, digits }) => number(median(valuesOf(name, figure)) / unit, digits)),
    `${number(spread(valuesOf(name, ranking.figure)) * 100, 0)} %`,
    ...(naive === undefined ? [] : [number(costOf(name) / costOf(naive.name), 2)]),
    ...(peers.length === 0 ? [] : [number(costOf(name) / best, 2)]),
  ])
  const head = [
    '',
    ...columns.map(({ title }) => title),
    'spread',
    ...(naive === undefined ? [] : ['to `ws`']),
    ...(peers.length === 0 ? [] : ['to the best peer']),
  ]
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function number(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–'
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
