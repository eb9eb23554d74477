/** What goes wrong, done to a world: each kind of fault, and the end of all trouble. */

import { fairWeather, type Weather } from '@triwire/test/parts'
import { addressOf } from './app.ts'
import type { Fault, Org, Script } from './script.ts'
import type { Process } from './server-node.ts'
import type { World } from './world.ts'

/** Lets one fault happen now. */
export function inflict(world: World, fault: Fault): void {
  const { clock, stageActor } = world
  const later = (ms: number, run: () => void): unknown => clock.after(ms, stageActor, run)
  switch (fault.fault) {
    case 'cut':
      for (const connection of connectionsOf(world, fault.client)) {
        connection.cut(fault.only !== 'node', fault.only !== 'client')
        connection.resets = true
      }
      return
    case 'half-open':
      for (const connection of connectionsOf(world, fault.client)) {
        connection.silence()
        connection.resets = fault.resets === true
      }
      return
    case 'down':
      for (const index of world.weathers.keys()) {
        if (fault.client !== undefined && fault.client !== index) continue
        for (const connection of connectionsOf(world, index)) connection.silence()
        const weather = world.weathers[index] as Weather
        weather.down = fault.how
        later(fault.for, () => {
          weather.down = undefined
        })
      }
      return
    case 'clog': {
      const connections = connectionsOf(world, fault.client)
      for (const connection of connections) connection[fault.way].stalled = true
      const trickle = (): void => {
        if (!connections.some((connection) => connection[fault.way].stalled)) return
        for (const connection of connections) {
          connection[fault.way].release(fault.trickles)
          if (fault.way === 'down') tellTaken(world, connection)
        }
        later(200, trickle)
      }
      if (fault.trickles !== undefined) later(200, trickle)
      later(fault.for, () => {
        for (const connection of connections) {
          connection[fault.way].release()
          if (fault.way === 'down') tellTaken(world, connection)
        }
      })
      return
    }
    case 'socket':
      change(world, fault, { socket: fault.how })
      return
    case 'proxy':
      change(world, fault, { proxy: { holds: fault.holds, bytes: fault.bytes } })
      return
    case 'requests':
      change(world, fault, {
        loseRequests: fault.lose ?? 0,
        loseResponses: fault.loseResponses ?? 0,
        duplicateRequests: fault.duplicate ?? 0,
        delayRequestsMs: fault.delayMs ?? 0,
        slices: fault.slices ?? false,
      })
      return
    case 'lost-events':
      change(world, fault, { loseEvents: fault.p })
      return
    case 'proxy-answers':
      change(world, fault, { proxyAnswers: fault.with })
      return
    case 'slow': {
      const site = world.pages[fault.client]?.site
      if (site === undefined) return
      const before = world.script.world.clients[fault.client]?.latencyMs ?? site.latencyMs
      site.latencyMs = fault.latencyMs
      later(fault.for, () => {
        site.latencyMs = before
      })
      return
    }
    case 'sleep': {
      const page = world.pages[fault.client]
      if (page === undefined || page.site.actor.paused) return
      clock.pause(page.site.actor)
      for (const connection of [...page.site.connections]) {
        connection.silence()
        connection.resets = true
      }
      later(fault.for, () => {
        if (page.site.actor.paused) clock.resume(page.site.actor, fault.timers === 'late' ? fault.for : 0)
      })
      return
    }
    case 'crash':
      world.places[fault.node]?.crash(fault.silent === true)
      later(fault.for, () => world.places[fault.node]?.start())
      return
    case 'drain':
      if (fault.gently) {
        world.places[fault.node]?.succeed(fault.for)
        return
      }
      world.places[fault.node]?.drain()
      later(fault.for, () => world.places[fault.node]?.start())
      return
    case 'pause': {
      const actor = world.places[fault.node]?.process?.site.actor
      if (actor === undefined || actor.paused) return
      clock.pause(actor)
      later(fault.for, () => {
        if (actor.paused) clock.resume(actor)
      })
      return
    }
    case 'deafen': {
      const broker = world.places[fault.node]?.process?.broker
      broker?.deafen()
      later(fault.for, () => broker?.recover())
      return
    }
    case 'failover':
    case 'flush':
      if (fault.fault === 'failover') world.note(`${world.store.failOver(fault.lagMs)} writes are lost`)
      else world.store.flush()
      // Every connection to the former primary is gone; each node comes back when it has noticed.
      world.trouble.downUntil = Math.max(world.trouble.downUntil, clock.now + fault.for)
      for (const { broker } of processesOf(world)) broker.deafen()
      later(fault.for, () => {
        for (const { broker } of processesOf(world)) broker.recover()
      })
      return
    case 'broker-down':
      world.trouble.downUntil = Math.max(world.trouble.downUntil, clock.now + fault.for)
      return
    case 'broker-slow':
      world.trouble.slowMs = fault.ms
      later(fault.for, () => {
        world.trouble.slowMs = 0
      })
      return
    case 'lost-answers':
      world.trouble.loseAnswers = fault.p
      later(fault.for, () => {
        world.trouble.loseAnswers = 0
      })
      return
    case 'expire':
      world.app.expireTokens(fault.user)
      if (fault.tells) world.tellNodes({ user: fault.user })
      return
    case 'forbid':
    case 'permit': {
      const org = orgOf(world.script, fault.user)
      world.app[fault.fault](fault.user, addressOf(org, fault.channel))
      if (fault.fault === 'forbid' && fault.tells)
        world.tellNodes({ user: fault.user, org, channel: fault.channel })
    }
  }
}

/** Ends all trouble: the network is fair, nodes run, machines are awake, the store answers. */
export function heal(world: World): void {
  const { clock, trouble } = world
  Object.assign(trouble, { downUntil: 0, slowMs: 0, loseAnswers: 0 })
  for (const place of world.places) place.start()
  for (const { site, broker } of processesOf(world)) {
    if (site.actor.paused) clock.resume(site.actor)
    broker.recover()
  }
  for (const [index, page] of world.pages.entries()) {
    const weather = world.weathers[index] as Weather
    const { held } = weather
    Object.assign(weather, { ...fairWeather(), held })
    page.site.latencyMs = Math.min(page.site.latencyMs, 200)
    if (page.site.actor.paused) clock.resume(page.site.actor)
    for (const release of [...held]) release()
    for (const connection of page.site.connections) settle(world, connection)
  }
  for (const { site } of processesOf(world)) for (const one of site.connections) settle(world, one)
}

function processesOf(world: World): readonly Process[] {
  return world.places.flatMap(({ processes }) => processes)
}

type AnyConnection =
  World['pages'][number]['site']['connections'] extends Set<infer TConnection> ? TConnection : never

function settle(world: World, connection: AnyConnection): void {
  connection.up.release()
  connection.down.release()
  tellTaken(world, connection)
  if (connection.silent) connection.resets = true
}

function tellTaken(world: World, connection: AnyConnection): void {
  const end = connection.nodeEnd
  if (end?.taken !== undefined) world.clock.after(0, connection.node.actor, end.taken)
}

function connectionsOf(world: World, index: number): AnyConnection[] {
  return [...(world.pages[index]?.site.connections ?? [])]
}

function change(
  world: World,
  { client, for: ms }: { readonly client: number; readonly for: number },
  to: Partial<Weather>,
): void {
  const weather = world.weathers[client]
  if (weather === undefined) return
  Object.assign(weather, to)
  world.clock.after(ms, world.stageActor, () => {
    const fair = fairWeather()
    Object.assign(weather, Object.fromEntries(Object.keys(to).map((key) => [key, fair[key as keyof Weather]])))
    for (const release of [...weather.held]) release()
  })
}

function orgOf(script: Script, user: string): Org {
  return script.world.clients.find((client) => client.user === user)?.org ?? 'red'
}
