/** Draws a schedule from a seed: a small world, some tens of deeds, a few faults. */
import type { WireName } from '@triwire/protocol'
import { Random } from '@triwire/test/parts'
import type { ChannelName, ClientPlan, Deed, Fault, Following, Org, Script, Step, WorldPlan } from './script.ts'

const WIRES: readonly (readonly WireName[] | undefined)[] = [
  undefined,
  undefined,
  ['websocket'],
  ['sse'],
  ['polling'],
  ['websocket', 'polling'],
  ['sse', 'polling'],
  ['polling', 'sse', 'websocket'],
]

const CHANNELS: readonly ChannelName[] = ['room1', 'room1', 'room2', 'board', 'board', 'vault']

/** Draws the script of a seed. */
export function generate(seed: number): Script {
  const random = new Random(seed, 'script')
  const troubleMs = random.whole(6, 30) * 1000
  const world = drawWorld(random)
  const steps: Step[] = []
  const at = (from: number, to: number): number => random.whole(from, to)
  for (const client of world.clients.keys()) {
    const count = random.whole(1, 4)
    for (let slot = 0; slot < count; slot++)
      steps.push({ at: at(0, random.chance(0.7) ? 500 : troubleMs), ...drawWatch(random, client, slot) })
  }
  const deeds = random.whole(5, 24)
  for (let index = 0; index < deeds; index++) steps.push({ at: at(200, troubleMs), ...drawDeed(random, world) })
  const faults = random.chance(0.1) ? 0 : random.whole(1, 6)
  for (let index = 0; index < faults; index++)
    steps.push({ at: at(500, troubleMs), ...drawFault(random, world, troubleMs) })
  // Trouble likes company: often something is published right around it.
  for (const step of [...steps]) {
    if (!('fault' in step) || !random.chance(0.6)) continue
    const client = random.whole(0, world.clients.length - 1)
    const around = { client, channel: random.pick(CHANNELS), count: random.whole(1, 6) }
    steps.push({ at: Math.max(0, step.at + at(-300, 300)), do: 'publish', ...around })
  }
  const extra = drawExtra(new Random(seed, 'permissions and successors'), world, steps)
  if (extra !== undefined) steps.push({ at: at(500, troubleMs), ...extra })
  steps.sort((one, other) => one.at - other.at)
  return { seed, world, steps, healAt: troubleMs + random.whole(0, 3000) }
}

/** What apps tell their nodes, and nodes that leave gently: drawn apart, so that everything else stays what it was. */
function drawExtra(
  random: Random,
  { clients, nodes, tokenMs }: WorldPlan,
  steps: readonly Step[],
): Fault | undefined {
  const isCalm = !steps.some((step) => 'fault' in step)
  if (!random.chance(isCalm ? 0.7 : 0.15)) return undefined
  const { user } = random.pick(clients)
  const successor: Fault = {
    fault: 'drain',
    node: random.whole(0, nodes - 1),
    for: random.whole(0, 5000),
    gently: true,
  }
  const draws: Fault[] = [successor, { fault: 'forbid', user, channel: 'vault', tells: true }]
  // A client that is refused twice in a row gives up, by rights.
  const isRefused = tokenMs !== undefined || steps.some((step) => 'fault' in step && step.fault === 'expire')
  if (!isRefused) draws.push({ fault: 'expire', user, tells: true })
  return isCalm && random.chance(0.5) ? successor : random.pick(draws)
}

function drawWorld(random: Random): WorldPlan {
  const clients: ClientPlan[] = []
  const count = random.pick([1, 2, 2, 3, 3, 4])
  for (let index = 0; index < count; index++) {
    const org: Org = index > 0 && random.chance(0.25) ? 'blue' : 'red'
    // Two pages of one user, now and then.
    const user = random.chance(0.2) ? `${org}-0` : `${org}-${index}`
    const wires = random.pick(WIRES)
    const latencyMs = random.pick([5, 20, 50, 120, 300])
    clients.push({ user, org, latencyMs, ...(wires === undefined ? {} : { wires }) })
  }
  const limits: Record<string, number> = {}
  if (random.chance(0.3)) Object.assign(limits, { replayEvents: random.whole(2, 12) })
  if (random.chance(0.3))
    Object.assign(limits, { outboundBytes: random.pick([800, 2000, 6000]), replayBytes: 4096 })
  if (random.chance(0.25)) Object.assign(limits, { rotateMs: random.whole(15, 40) * 1000 })
  if (random.chance(0.2)) Object.assign(limits, { pollHoldMs: random.whole(1, 10) * 1000 })
  return {
    nodes: random.whole(1, 3),
    clients,
    brokerLatencyMs: random.pick([1, 3, 10, 40]),
    keep: random.pick([4, 12, 30, 100, 1000]),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    hookMs: random.pick([0, 0, 5, 60, 400]),
    ownCursor: random.chance(0.3),
    ...(random.chance(0.12) ? { tokenMs: random.whole(10, 25) * 1000 } : {}),
  }
}

function drawWatch(random: Random, client: number, slot: number): Deed {
  const channel = random.pick(CHANNELS)
  let how: Following = random.pick(['fold', 'fold', 'fold', 'handlers', 'iterator', 'members'])
  if (channel === 'board' && random.chance(0.7)) how = 'snapshot'
  if (how === 'members' && !channel.startsWith('room')) how = 'fold'
  const tail = random.pick([0, 0, 2, 5, 20])
  const isBehind = how === 'iterator' && slot > 0 && random.chance(0.6)
  return {
    do: 'watch',
    client,
    slot,
    channel,
    how,
    ...(how === 'fold' && tail > 0 ? { tail } : {}),
    ...(isBehind ? { after: { slot: random.whole(0, slot - 1), back: random.whole(0, 5) } } : {}),
    ...(how === 'members' && random.chance(0.8) ? { shows: true } : {}),
  }
}

function drawDeed(random: Random, { clients, limits }: WorldPlan): Deed {
  const client = random.whole(0, clients.length - 1)
  const { org } = clients[client] as ClientPlan
  const channel = random.pick(CHANNELS)
  const roll = random.next()
  // Where little may wait, much is said.
  const bytes = random.chance(limits?.outboundBytes === undefined ? 0.25 : 0.7)
    ? { bytes: random.pick([100, 700, 3000]) }
    : {}
  if (roll < 0.4) return { do: 'publish', client, channel, count: random.pick([1, 1, 1, 2, 3, 6, 15]), ...bytes }
  if (roll < 0.58) {
    const fails = random.chance(0.12) ? { fails: random.pick(['refuses', 'throws'] as const) } : {}
    return {
      do: 'command',
      client,
      count: random.whole(0, 3),
      ms: random.pick([0, 10, 300, 4000, 17_000]),
      ...fails,
    }
  }
  if (roll < 0.72) return { do: 'emit', org, channel, count: random.whole(1, 6), ...bytes }
  if (roll < 0.8) return drawWatch(random, client, random.whole(0, 5))
  if (roll < 0.85) return { do: 'unwatch', client, slot: random.whole(0, 4) }
  if (roll < 0.88) return { do: 'publish', client, channel, count: 1, refused: true }
  if (roll < 0.91) return { do: 'signal', client, channel: 'room1' }
  if (roll < 0.94) return { do: 'show', client, slot: random.whole(0, 3) }
  if (roll < 0.96) return { do: 'trespass', client, channel }
  if (roll < 0.98) return { do: 'reload', client, ...(random.chance(0.5) ? { abrupt: true } : {}) }
  const wires = random.pick(WIRES)
  return random.chance(0.3)
    ? { do: 'close', client }
    : { do: 'wires', client, ...(wires === undefined ? {} : { wires }) }
}

function drawFault(random: Random, { clients, nodes, tokenMs }: WorldPlan, troubleMs: number): Fault {
  const client = random.whole(0, clients.length - 1)
  const node = random.whole(0, nodes - 1)
  const seconds = (from: number, to: number): number => Math.min(random.whole(from * 1000, to * 1000), troubleMs)
  // A token that expires on its way, twice, ends a client by rights.
  const slowest = (ms: number): number => (tokenMs === undefined ? ms : 1000)
  const draws: readonly (() => Fault)[] = [
    () => ({
      fault: 'cut',
      client,
      ...(random.chance(0.3) ? { only: random.pick(['client', 'node'] as const) } : {}),
    }),
    () => ({ fault: 'half-open', client, ...(random.chance(0.5) ? { resets: true } : {}) }),
    () => ({
      fault: 'down',
      how: random.pick(['hangs', 'refuses']),
      for: seconds(1, 25),
      ...(random.chance(0.6) ? { client } : {}),
    }),
    () => ({
      fault: 'clog',
      client,
      way: random.pick(['up', 'down', 'down']),
      for: seconds(1, 15),
      ...(random.chance(0.4) ? { trickles: random.pick([50, 500, 3000]) } : {}),
    }),
    () => ({
      fault: 'socket',
      client,
      how: random.pick(['refused', 'swallowed', 'silent', 'killed']),
      for: seconds(2, 30),
    }),
    () => ({
      fault: 'proxy',
      client,
      holds: random.pick(['head', 'first', 'bytes']),
      bytes: random.pick([500, 3000, 10_000]),
      for: seconds(2, 30),
    }),
    () => ({
      fault: 'requests',
      client,
      for: seconds(2, 20),
      lose: random.pick([0, 0.2, 0.6]),
      loseResponses: random.pick([0, 0.3, 0.7]),
      duplicate: random.pick([0, 0.3, 0.8]),
      delayMs: random.pick([0, 300, 2000, slowest(40_000)]),
      slices: random.chance(0.3),
    }),
    () => ({ fault: 'lost-events', client, p: random.pick([0.1, 0.5]), for: seconds(1, 15) }),
    () => ({ fault: 'proxy-answers', client, with: random.pick(['error', 'page']), for: seconds(1, 10) }),
    () => ({ fault: 'slow', client, latencyMs: random.pick([800, slowest(2500)]), for: seconds(2, 20) }),
    () => ({
      fault: 'sleep',
      client,
      timers: random.pick(['due', 'late']),
      for: random.chance(0.04) ? random.whole(10, 120) * 60_000 : seconds(2, 40),
    }),
    () => ({ fault: 'crash', node, for: seconds(1, 15), ...(random.chance(0.3) ? { silent: true } : {}) }),
    () => ({ fault: 'pause', node, for: seconds(1, 20) }),
    () => ({ fault: 'drain', node, for: seconds(1, 10) }),
    () => ({ fault: 'deafen', node, for: seconds(0.1, 6) }),
    () => ({ fault: 'failover', lagMs: random.pick([50, 300, 1500, 6000]), for: seconds(0.05, 4) }),
    () => ({ fault: 'flush', for: seconds(0.05, 4) }),
    () => ({ fault: 'broker-down', for: seconds(0.5, 8) }),
    () => ({ fault: 'broker-slow', ms: random.pick([100, 900]), for: seconds(1, 10) }),
    () => ({ fault: 'lost-answers', p: random.pick([0.2, 0.7]), for: seconds(1, 8) }),
    () => ({ fault: 'expire', user: (clients[client] as ClientPlan).user }),
    () => ({ fault: 'forbid', user: (clients[client] as ClientPlan).user, channel: 'vault' }),
    () => ({ fault: 'permit', user: (clients[client] as ClientPlan).user, channel: 'vault' }),
  ]
  // The plain cut is what happens most, and what meets everything else.
  return random.chance(0.15) ? (draws[0] as () => Fault)() : random.pick(draws)()
}
