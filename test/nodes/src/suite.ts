/**
 * What an app on several nodes may rely on, as tests: three nodes on one store behind a balancer that sends every request
 * to another one. Nothing is sticky, and nobody is told which node a client is on.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WireName } from '@triwire/client'
import { createRealtime } from '@triwire/server'
import { describe, expect, test } from 'vitest'
import { type AppNode, api, LEASE_MS } from './app.ts'
import { type Stage, type Store, setStage } from './stage.ts'

const WIRES: readonly WireName[] = ['websocket', 'sse', 'polling']

/** Registers the tests under `name`. `store` is asked for by each of them. */
export function nodesSuite(name: string, store: () => Store): void {
  describe.concurrent(name, { timeout: 120_000 }, () => {
    describe.each(WIRES)('over %s', (wire) => {
      test('events of every node, and of a process without clients, come to clients of every node in one order', async (context) => {
        const stage = await setStage(store(), context)
        const heard = await Promise.all(
          stage.nodes.map((node) => stage.listen(stage.connect(`user-${node.name}`, wire, node.port))),
        )
        const { port, connect } = store()
        const script = createRealtime(api, { auth: () => null, broker: connect(port, stage.prefix) })
        const speakers = [...stage.nodes.map(({ realtime }) => realtime), script]
        const sent = speakers.flatMap((realtime, speaker) =>
          numbers(10).map((index) =>
            realtime.channels.room({ id: stage.room }).emit('message', { text: `${speaker} ${index}` }),
          ),
        )
        await Promise.all(sent)
        await script.close()
        for (const one of heard) await one.until(() => one.texts.length >= 40)
        const [first] = heard
        expect(new Set(first?.texts).size).toBe(40)
        for (const one of heard) expect(one.texts).toEqual(first?.texts)
      })

      test('presence is one set over all nodes', async (context) => {
        const stage = await setStage(store(), context)
        const [ann, bob, cem] = ['ann', 'bob', 'cem'].map((user) => stage.watch(stage.connect(user, wire), user))
        const all = [ann, bob, cem]
        for (const one of all) await one?.untilNames('ann,bob,cem')
        bob?.update('Bob')
        for (const one of all) await one?.untilNames('Bob,ann,cem')
        for (const { realtime } of stage.nodes)
          expect(await realtime.channels.room({ id: stage.room }).members()).toHaveLength(3)
      })

      test('who was on a node that died with its client leaves no ghost, and everybody else stays', async (context) => {
        const stage = await setStage(store(), context)
        const [dying, other] = stage.nodes
        const gone = stage.connect('gone', wire, dying.port)
        stage.watch(gone, 'gone')
        const stays = stage.watch(stage.connect('stays', wire, other.port), 'stays')
        await stays.untilNames('gone,stays')
        await dying.die()
        gone.close()
        await stays.untilNames('stays')
      })

      test('a client whose node dies goes on at another one: nothing is missing, and it stays present', async (context) => {
        const stage = await setStage(store(), context)
        const client = stage.connect('ann', wire)
        const heard = await stage.listen(client)
        const seen = stage.watch(client, 'ann')
        await seen.untilNames('ann')
        const [one, other, speaker] = stage.nodes
        const spoken = count(stage, speaker, 60)
        await heard.until(() => heard.texts.length >= 5)
        // Wherever it is: it may have to go twice.
        await one.die()
        await other.die()
        await spoken
        await heard.until(() => heard.texts.length >= 60)
        expect(heard.texts).toEqual(numbers(60))
        expect(heard.gaps).toEqual([])
        await seen.untilNames('ann')
      })

      test('a command is run once, although its client asks again on another node', async (context) => {
        const stage = await setStage(store(), context)
        const { world } = stage
        const heard = await stage.listen(stage.connect('bob', wire))
        const ann = stage.connect('ann', wire)
        world.hold('once')
        const asked = ann.channels.room({ id: stage.room }).commands.work({ job: 'once' })
        await world.until(() => world.jobs.length === 1)
        // Its wire goes, and with it the way of the reply.
        ann.setWires([wire === 'polling' ? 'sse' : 'polling'])
        world.letGo('once')
        expect(await asked).toEqual({ by: nodeOf(world.jobs[0]) })
        expect(world.jobs).toHaveLength(1)
        await heard.until(() => heard.texts.length >= 2)
        expect(heard.texts).toEqual(['once began', 'once done'])
      })

      test('a command whose node dies in the middle is run again elsewhere, and its events are there once', async (context) => {
        const stage = await setStage(store(), context)
        const { world, nodes } = stage
        const heard = await stage.listen(stage.connect('bob', wire))
        world.hold('twice')
        const asked = stage.connect('ann', wire).channels.room({ id: stage.room }).commands.work({ job: 'twice' })
        await world.until(() => world.jobs.length === 1)
        const first = nodes.find((node) => node.name === nodeOf(world.jobs[0]))
        await first?.die()
        await world.until(() => world.jobs.length === 2)
        world.letGo('twice')
        const second = nodes.find((node) => node.name === nodeOf(world.jobs[1]))
        expect(second).not.toBe(first)
        expect(await asked).toEqual({ by: second?.name })
        await stage.say(second, 'end')
        await heard.until(() => heard.texts.includes('end'))
        expect(heard.texts).toEqual(['twice began', 'twice done', 'end'])
      })

      test('a user who is let go on one node is gone from all of them', async (context) => {
        const stage = await setStage(store(), context)
        const [here, elsewhere, third] = stage.nodes
        const ann = stage.connect('ann', wire, here.port)
        const bob = await stage.listen(stage.connect('bob', wire, here.port))
        await stage.listen(ann)
        stage.world.banned.add('ann')
        await elsewhere.realtime.revoke('ann')
        await new Promise<void>((resolve) => {
          const check = (): void => {
            if (ann.connection.getSnapshot().state === 'closed') resolve()
          }
          ann.connection.subscribe(check)
          check()
        })
        await stage.say(third, 'after')
        await bob.until(() => bob.texts.includes('after'))
      })

      test('a user who is put out of one room on one node hears no more of it on another, and stays elsewhere', async (context) => {
        const stage = await setStage(store(), context)
        const { room } = stage
        const [here, elsewhere, third] = stage.nodes
        const ann = stage.connect('ann', wire, here.port)
        const inside = await stage.listen(ann)
        const outside = await stage.listen(ann, 'other')
        stage.world.expelled.add(`ann ${room}`)
        await elsewhere.realtime.channels.room({ id: room }).reauthorize()
        await inside.until(() => inside.status === 'denied')
        await stage.say(third, 'secret')
        await stage.say(third, 'open', 'other')
        await outside.until(() => outside.texts.includes('open'))
        expect(inside.texts).toEqual([])
      })
    })

    test('a node is drained while the others take over: nobody misses anything', async (context) => {
      const stage = await setStage(store(), context)
      const heard = await Promise.all(
        numbers(12).map((user) =>
          stage.listen(stage.connect(user, WIRES[Number(user) % WIRES.length] as WireName)),
        ),
      )
      const [leaving, speaker] = stage.nodes
      const spoken = count(stage, speaker, 100)
      await leaving.realtime.drain({ spreadMs: 500 })
      await leaving.die()
      await spoken
      for (const one of heard) {
        await one.until(() => one.texts.length >= 100)
        expect(one.texts).toEqual(numbers(100))
        expect(one.gaps).toEqual([])
      }
    })

    test('a room is occupied once for all nodes, and vacant when the last node of its clients is dead', async (context) => {
      const stage = await setStage(store(), context)
      const { room, world } = stage
      const [one, other, watching] = stage.nodes
      // A node hears of rooms while it has clients in any.
      await stage.listen(stage.connect('eve', 'websocket', watching.port), 'other')
      await stage.listen(stage.connect('ann', 'websocket', one.port))
      await stage.listen(stage.connect('bob', 'sse', other.port))
      const hooks = (): string[] => world.hooks.filter((hook) => hook.endsWith(` ${room}`))
      await world.until(() => hooks().length === 1)
      await one.die()
      // Nothing happens, and nothing can be waited for: the lease of the dead node runs out meanwhile.
      await sleep(LEASE_MS * 2)
      expect(hooks()).toEqual([`occupied ${room}`])
      await other.die()
      await world.until(() => hooks().length === 2)
      expect(hooks()).toEqual([`occupied ${room}`, `vacated ${room}`])
    })
  })
}

/** Counts aloud in the room, from 0. */
async function count(stage: Stage, speaker: AppNode, until: number): Promise<void> {
  for (const text of numbers(until)) {
    await stage.say(speaker, text)
    await sleep(10)
  }
}

function numbers(until: number): string[] {
  return Array.from({ length: until }, (_, index) => String(index))
}

/** The node that ran a job. */
function nodeOf(job: string | undefined): string | undefined {
  return job?.split(' ')[1]
}
