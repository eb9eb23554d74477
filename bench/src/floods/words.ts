// What a flood says: the words of any client, written ahead, since a server need not be waited for.

import { clientFrame } from '../load/websocket-client.ts'
import { helloOf } from '../peers/triwire-words.ts'
import { ATTACKER } from './flood.ts'

const UPGRADE = Buffer.from(
  'GET /rt/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: triwire.v1\r\n\r\n',
)

/** Lines as one message. */
export function message(lines: readonly string[]): Buffer {
  return clientFrame(0x1, lines.join('\n'))
}

/** An upgrade and the first message of a fresh session, with what comes in it besides `hello`. */
export function opening(lines: readonly string[]): Buffer {
  return Buffer.concat([UPGRADE, message([helloOf(ATTACKER), ...lines])])
}

/** A room by its number; that of the readers is 0. */
export function room(id: number | string): string {
  return `room?id=${id}`
}

/** @param fields what it says besides, as JSON */
export function join(channel: string, j: number, fields = ''): string {
  return `{"t":"join","ch":"${channel}","j":${j}${fields}}`
}
