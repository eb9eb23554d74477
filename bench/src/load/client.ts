// One connection of the load, whatever its wire: a bare socket that has asked for its channels and counts from then on.

import { connect, type Socket } from 'node:net'

/** One connection. */
export interface Client {
  /** Messages it has got. */
  readonly delivered: number
  close(): void
}

/** What a connection is told about itself. */
export interface ClientOptions {
  readonly port: number
  /** Which one it is. */
  readonly index: number
  readonly channels: readonly number[]
  /** Whether the age of its messages is taken. */
  readonly sampled: boolean
  readonly onReady: () => void
  /** It ended before anybody asked for that, or said something wrong. Ends the run. */
  readonly onBroken: (error: Error) => void
}

/** One for all sockets: each chunk is done with before the next is read, so nothing is allocated per read. */
const chunk = Buffer.allocUnsafeSlow(256 * 1024)

/** Opens a socket that hands over what it reads in a buffer it will use again. */
export function openSocket(
  { port, index, onBroken }: ClientOptions,
  onRead: (bytes: Buffer, length: number) => void,
): Socket {
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: chunk,
      callback: (length, bytes) => {
        onRead(bytes as Buffer, length)
        return true
      },
    },
  })
  socket.on('error', (error) => onBroken(new Error(`Connection ${index}: ${error.message}`)))
  socket.on('close', () => onBroken(new Error(`Connection ${index} was closed by the server.`)))
  return socket
}
