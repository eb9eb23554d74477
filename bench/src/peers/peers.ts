// All who are measured, in the order they are printed.

import type { Peer, Wire } from './peer.ts'
import { triwireWords } from './triwire-words.ts'
import { joinWords, socketIoWords, urlWords } from './websocket-words.ts'

export const PEERS: readonly Peer[] = [
  { name: 'triwire', kind: 'ours', wire: 'websocket', server: 'triwire', words: triwireWords },
  { name: 'ws', kind: 'peer', wire: 'websocket', server: 'ws', words: joinWords },
  { name: 'ws-once', kind: 'peer', wire: 'websocket', server: 'ws-once', words: joinWords },
  { name: 'raw-socket', kind: 'limit', wire: 'websocket', server: 'raw-socket', words: urlWords },
  { name: 'socket.io', kind: 'peer', wire: 'websocket', server: 'socket-io', words: socketIoWords },
]

/** The one with this name on this wire. */
export function peerOf(wire: Wire, name: string): Peer {
  const peer = PEERS.find((one) => one.wire === wire && one.name === name)
  if (peer === undefined) throw new Error(`There is no "${name}" on the wire "${wire}".`)
  return peer
}
