/**
 * Makes a failing schedule short: leaves out faults, then deeds, then clients and nodes, then what the world has beyond
 * the plain, as long as the same invariant breaks (delta debugging, Zeller 1999).
 */
import { isFault, type Script, type Step } from './script.ts'

/** Whether a script still fails in the way that is looked for. */
export type StillFails = (script: Script) => Promise<boolean>

/** Returns the shortest script that was found. */
export async function shrink(script: Script, fails: StillFails, most: number = 400): Promise<Script> {
  let best = script
  let left = most
  const keeps = async (candidate: Script): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(candidate))) return false
    best = candidate
    return true
  }
  for (let before = ''; before !== JSON.stringify(best) && left > 0; ) {
    before = JSON.stringify(best)
    await shrinkSteps(() => best, isFault, keeps)
    await shrinkSteps(
      () => best,
      (step) => !isFault(step),
      keeps,
    )
    await shrinkCounts(() => best, keeps)
    for (let index = best.world.clients.length - 1; index >= 0 && best.world.clients.length > 1; index--)
      await keeps(withoutClient(best, index))
    while (best.world.nodes > 1 && (await keeps(withoutNode(best)))) {}
    await shrinkWorld(() => best, keeps)
  }
  return best
}

type Keeps = (candidate: Script) => Promise<boolean>

/** Leaves out halves, then quarters, and so on down to single steps. */
async function shrinkSteps(best: () => Script, belongs: (step: Step) => boolean, keeps: Keeps): Promise<void> {
  for (let size = Math.ceil(best().steps.filter(belongs).length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < best().steps.filter(belongs).length; ) {
      const out = new Set(
        best()
          .steps.filter(belongs)
          .slice(start, start + size),
      )
      const steps = best().steps.filter((step) => !out.has(step))
      if (!(await keeps({ ...best(), steps }))) start += size
    }
  }
}

/** Several of a thing become one. */
async function shrinkCounts(best: () => Script, keeps: Keeps): Promise<void> {
  for (const index of best().steps.keys()) {
    const step = best().steps[index] as Step
    if (!('count' in step) || step.count <= 1) continue
    for (const count of [1, Math.ceil(step.count / 2)]) {
      const steps = best().steps.map((one, at) => (at === index ? { ...one, count } : one)) as Step[]
      if (count < step.count && (await keeps({ ...best(), steps }))) break
    }
  }
}

async function shrinkWorld(best: () => Script, keeps: Keeps): Promise<void> {
  const { limits, tokenMs, ...plain } = best().world
  if (limits !== undefined)
    await keeps({ ...best(), world: { ...plain, ...(tokenMs === undefined ? {} : { tokenMs }) } })
  if (tokenMs !== undefined) {
    const { tokenMs: _, ...rest } = best().world
    await keeps({ ...best(), world: rest })
  }
  if (best().world.hookMs > 0) await keeps({ ...best(), world: { ...best().world, hookMs: 0 } })
  const last = Math.max(0, ...best().steps.map(({ at }) => at)) + 2000
  if (last < best().healAt) await keeps({ ...best(), healAt: last })
}

function withoutClient(script: Script, index: number): Script {
  const clients = script.world.clients.filter((_, at) => at !== index)
  const steps = script.steps.flatMap((step): Step[] => {
    if (!('client' in step) || step.client === undefined) return [step]
    if (step.client === index) return []
    return [step.client > index ? ({ ...step, client: step.client - 1 } as Step) : step]
  })
  return { ...script, world: { ...script.world, clients }, steps }
}

function withoutNode(script: Script): Script {
  const nodes = script.world.nodes - 1
  const steps = script.steps.map((step) => ('node' in step ? ({ ...step, node: step.node % nodes } as Step) : step))
  return { ...script, world: { ...script.world, nodes }, steps }
}
