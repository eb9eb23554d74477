// What the command line says: nothing at all, or `--nodes 3 --broker redis`.

import { parseArgs } from 'node:util'
import { type BrokerName, brokerNames, isBrokerName } from './brokers.ts'

const MOST_NODES = 9

const USAGE = `Usage:
  pnpm demo                             one server
  pnpm demo --nodes 3 --broker redis    2 to ${MOST_NODES} nodes behind a balancer, on one of these brokers: ${brokerNames.join(', ')}`

/** What to run, or what is wrong with what was asked for. */
export type Flags =
  | { readonly nodes: 1 }
  | { readonly nodes: number; readonly broker: BrokerName }
  | { readonly problem: string }

export function readFlags(args: readonly string[]): Flags {
  let values: { nodes?: string; broker?: string }
  try {
    const options = { nodes: { type: 'string' }, broker: { type: 'string' } } as const
    values = parseArgs({ args: args.filter((arg) => arg !== '--'), options }).values
  } catch (error) {
    return problem(error instanceof Error ? error.message : String(error))
  }
  const { nodes, broker } = values
  if (nodes === undefined && broker === undefined) return { nodes: 1 }
  if (nodes === undefined) return problem('--broker is for several nodes. Add --nodes 3.')
  const count = Number(nodes)
  if (!(Number.isInteger(count) && count >= 2 && count <= MOST_NODES))
    return problem(`--nodes is a number from 2 to ${MOST_NODES}, and it is "${nodes}".`)
  if (broker === undefined || broker === 'memory')
    return problem('Several nodes need a broker that they share: memory is one process. Add --broker redis.')
  if (!isBrokerName(broker)) return problem(`There is no broker "${broker}" here.`)
  return { nodes: count, broker }
}

function problem(what: string): Flags {
  return { problem: `${what}\n\n${USAGE}` }
}
