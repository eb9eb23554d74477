// Why polls cost what they cost: the requests of a delivery, and what each spends where. The share of Node's HTTP is that of
// `raw-poll`, which does nothing else; what Triwire spends beyond it is ours.

import { figuresOf, median, type Sample } from '../sample.ts'

/** Pollers it is told of. */
const POLLERS = 5000

/** What a request costs a server, in microseconds of CPU, and how many make a delivery. */
interface RequestCost {
  readonly perDelivery: number
  readonly cpuUs: number
  readonly userUs: number
}

/** The section; empty where the run has not measured so many pollers of both. */
export function pollersText(samples: readonly Sample[]): string {
  const ours = costOf(samples, 'triwire', 'single')
  const bare = costOf(samples, 'raw-poll', 'single')
  if (ours === undefined || bare === undefined) return ''
  const kernelUs = ours.cpuUs - ours.userUs
  const ownUs = ours.userUs - bare.userUs
  const busy = (POLLERS * ours.perDelivery * ours.cpuUs) / 1e6
  const lines = [
    `A poll ends with its answer, so every delivery is a request where messages come one at a time: ` +
      `${ours.perDelivery.toFixed(2)} were counted at ${count(POLLERS)} pollers. A request costs ${us(ours.cpuUs)} of CPU: ${us(kernelUs)} in the kernel, ` +
      `which reads a request and writes an answer, ${us(bare.userUs)} in Node, which parses the one and frames the other ` +
      `(all that _raw-poll_ spends outside of the kernel), and ${us(ownUs)} in Triwire: the body of the request, who asks, ` +
      `the join with its cursor, and the poll that waits. _raw-poll_ altogether: ${us(bare.cpuUs)}.`,
    `One message to all of them is ${figure(busy)} s of CPU. So ${count(POLLERS)} pollers can be told ` +
      `${figure(1 / busy)} times a second at most by one core, whatever comes in between: messages that come while a poll is ` +
      'on its way travel with the next one.',
  ]
  const burst = costOf(samples, 'triwire', 'tens')
  if (burst !== undefined) {
    lines.push(
      `In bursts of ten a delivery is ${burst.perDelivery.toFixed(2)} requests, and ${us(burst.perDelivery * burst.cpuUs)} of CPU ` +
        `instead of ${us(ours.perDelivery * ours.cpuUs)}.`,
    )
  }
  const few = costOf(samples, 'triwire', 'single', 200)
  const bareFew = costOf(samples, 'raw-poll', 'single', 200)
  if (few !== undefined && bareFew !== undefined) {
    lines.push(
      `With 200 pollers a request costs ${us(few.cpuUs)}, and _raw-poll_ ${us(bareFew.cpuUs)}: from 200 to ` +
        `${count(POLLERS)} it grows ${figure(ours.cpuUs / few.cpuUs)} times, and without a library ` +
        `${figure(bare.cpuUs / bareFew.cpuUs)} times.`,
    )
  }
  return `${lines.join('\n\n')}\n\n${table(samples)}`
}

function table(samples: readonly Sample[]): string {
  const peers = ['triwire', 'socket.io', 'engine.io', 'raw-poll']
  const lines = peers.flatMap((peer) =>
    ['single', 'tens'].flatMap((pattern) => {
      const cost = costOf(samples, peer, pattern)
      if (cost === undefined) return []
      const { perDelivery, cpuUs, userUs } = cost
      const figures = [perDelivery, cpuUs, cpuUs - userUs, userUs].map(figure)
      return [`| ${peer}, ${pattern} | ${figures.join(' | ')} |`]
    }),
  )
  return [
    `| ${count(POLLERS)} pollers | requests per delivery | CPU µs per request | of it kernel | of it user |`,
    '| --- | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n')
}

function costOf(
  samples: readonly Sample[],
  peer: string,
  pattern: string,
  pollers: number = POLLERS,
): RequestCost | undefined {
  const medianOf = (figure: string): number => {
    const part = `${pattern}, ${pollers}`
    return median([...figuresOf(samples, { scenario: 'fanout', wire: 'polling', part, peer, figure }).values()])
  }
  const perDelivery = medianOf('requestsPerDelivery')
  if (Number.isNaN(perDelivery)) return undefined
  return { perDelivery, cpuUs: medianOf('cpuUsPerRequest'), userUs: medianOf('userUsPerRequest') }
}

function us(value: number): string {
  return `${figure(value)} µs`
}

function figure(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 })
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
