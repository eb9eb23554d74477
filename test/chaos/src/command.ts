// The measurements as commands: what is asked for on the command line, run one after another, printed as it comes.

import { parseArgs } from 'node:util'
import { brokenPromises, type FaultReport, runFault } from './chaos-run.ts'
import { FAULT_CASES, type Row } from './fault-cases.ts'
import { ENGINES, engineOf } from './kills/engines.ts'
import { add, type KillReport, runKills, type Sums } from './kills/kill-run.ts'
import { measureAppend } from './measure-append.ts'
import { measureConnect } from './measure-connect.ts'
import { measureConnections } from './measure-connections.ts'
import { measureFallback } from './measure-fallback.ts'
import { measureFanout } from './measure-fanout.ts'
import { measureLatency } from './measure-latency.ts'
import { measureStalled } from './measure-stalled.ts'
import { endAll } from './processes/parent.ts'
import { tableHead, tableLines } from './table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    messages: { type: 'string' },
    every: { type: 'string', default: '5' },
    only: { type: 'string' },
    fault: { type: 'string' },
    wire: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
    engine: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '30' },
    clients: { type: 'string', default: '4' },
    rate: { type: 'string' },
    seed: { type: 'string' },
  },
})

async function table(): Promise<number> {
  const options = {
    messages: Number(values.messages ?? (values.quick ? 400 : 2000)),
    everyMs: Number(values.every),
    triwire: values.only !== 'socket.io',
    socketIo: values.only !== 'triwire',
    keep: values.keep,
    ...(values.wire === undefined ? {} : { rows: values.wire as Row[] }),
  }
  const cases = FAULT_CASES.filter(({ name }) => values.fault === undefined || name.includes(values.fault))
  console.log(`sent / lost / duplicated / reordered, ${options.messages} messages each way and wire\n`)
  console.log(tableHead())
  const broken: string[] = []
  // A few at a time, printed in order: most of a run is waiting.
  const atOnce = Number(values['at-once'])
  const reports: Promise<FaultReport>[] = []
  for (const [index, fault] of cases.entries()) {
    const before = reports[index - atOnce] ?? Promise.resolve()
    reports.push(before.then(() => runFault(fault, options)))
  }
  for (const running of reports) {
    const report = await running
    console.log(tableLines(report))
    if (report.folder !== undefined) console.log(`  histories in ${report.folder}`)
    if (report.restless.length > 0) console.log(`  not at rest: ${report.restless.join(', ')}`)
    if (options.triwire) broken.push(...brokenPromises(report))
  }
  console.log(broken.length === 0 ? '\nEvery promise of Triwire was kept.' : `\nBroken:\n${broken.join('\n')}`)
  return broken.length === 0 ? 0 : 1
}

async function kills(): Promise<number> {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`seed ${seed}\n`)
  const reports: KillReport[] = []
  for (const name of values.engine ?? Object.keys(ENGINES)) {
    const engine = await engineOf(name).create()
    console.log(engine.name)
    try {
      const report = await runKills(engine, {
        rounds: Number(values.rounds),
        seconds: Number(values.seconds),
        perWire: Number(values.clients),
        rate: Number(values.rate ?? engine.rate),
        seed,
        onRound: ({ round, sums, broken, folder }) => {
          console.log(`  round ${round}: ${sentenceOf(sums)}`)
          if (broken.length > 0)
            console.log([...broken, `histories in ${folder}`].map((line) => `    ${line}`).join('\n'))
        },
      })
      const tally = [...report.tally].map(([what, count]) => `${what} ${count}`).join(', ')
      console.log(`  ${report.kills} SIGKILLs (${tally})`)
      console.log(`  ${sentenceOf(report.sums)}\n`)
      reports.push(report)
    } finally {
      await engine.stop()
    }
  }
  const kills = reports.reduce((sum, report) => sum + report.kills, 0)
  console.log(`all together\n  ${kills} SIGKILLs\n  ${sentenceOf(reports.map(({ sums }) => sums).reduce(add))}`)
  return reports.some(({ rounds }) => rounds.some(({ broken }) => broken.length > 0)) ? 1 : 0
}

function sentenceOf(sums: Sums): string {
  const { sent, acked, open, delivered, lost, duplicated, reordered, gaps, told, forgotten, again, ghosts } = sums
  return (
    `${sent} sent, ${acked} acknowledged, ${open} open, ${delivered} delivered; ${lost} lost, ${duplicated} duplicated, ` +
    `${reordered} reordered; ${gaps} gaps (${told} told, ${forgotten} forgotten, ${again} again); ${ghosts} ghosts`
  )
}

const commands: Readonly<Record<string, () => Promise<number>>> = {
  table,
  kills,
  append: () => measureAppend(values.quick ? { appends: 4000, turns: 1 } : { appends: 20_000, turns: 5 }),
  latency: () =>
    measureLatency([engineOf('redis-aof').create, engineOf('nats').create], { turns: values.quick ? 2 : 10 }),
  fanout: () => measureFanout(engineOf('redis-aof').create),
  connections: () => measureConnections({ count: values.quick ? 300 : 2000 }),
  connect: () => measureConnect({ runs: values.quick ? 3 : 7 }),
  stalled: () => measureStalled({ stallMs: values.quick ? 8000 : 30_000 }),
  fallback: () => measureFallback({ runs: values.quick ? 1 : 5, minuteMs: values.quick ? 10_000 : 60_000 }),
}
const [name = 'table'] = positionals
const command = commands[name]
if (command === undefined) {
  console.error(`No measurement "${name}". There are: ${Object.keys(commands).join(', ')}.`)
  process.exitCode = 2
} else {
  let code = 1
  try {
    code = await command()
  } catch (error) {
    console.error(error)
  } finally {
    await endAll()
    // Not left to the event loop: sockets of faults that nobody ended would keep it running.
    process.exit(code)
  }
}
