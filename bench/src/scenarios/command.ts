// Commands: a call and its reply, the next call when the reply is there. Against an echo of `ws` and an emit of Socket.IO
// with an acknowledgement. 50 callers for what it costs; one, on a server with nothing else to do, for how long it takes.

import type { Peer } from '../peers/peer.ts'
import { peersOf } from '../peers/peers.ts'
import { open, quantiles, SPEECH_MS, spentOn, withPair } from './pair.ts'
import type { Cell, Part } from './scenario.ts'

const PLANS = [
  { callers: 50, each: 400 },
  { callers: 1, each: 4000 },
]

export function command(): readonly Cell[] {
  const peers = peersOf('command', 'websocket').filter(
    ({ server }) => server === 'triwire' || server === 'ws' || server === 'socket-io',
  )
  return PLANS.map(({ callers, each }) => ({
    scenario: 'command',
    title: `${callers} callers`,
    peers,
    measure: (peer: Peer) => measure(peer, callers, each),
  }))
}

function measure(peer: Peer, callers: number, each: number): Promise<readonly Part[]> {
  return withPair(peer, async (pair) => {
    await open(pair, callers, { kind: 'none' }, 1)
    const call = (times: number): Promise<number[]> =>
      pair.load.call('command', { each: times, boundMs: SPEECH_MS })
    await call(Math.ceil(each / 3))
    let latenciesUs: number[] = []
    const { cpuUs, userUs } = await spentOn(pair, async () => {
      latenciesUs = await call(each)
    })
    const calls = callers * each
    const figures = { cpuUsPerCall: cpuUs / calls, userUsPerCall: userUs / calls, ...quantiles(latenciesUs) }
    return [{ part: callers === 1 ? 'one caller' : `${callers} callers`, figures }]
  })
}
