// The load must count right however the network cuts what it reads, because its counts decide whether a figure is given.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Tally } from '../src/load/tally.ts'
import { WebSocketClient } from '../src/load/websocket-client.ts'
import { joinWords } from '../src/peers/websocket-words.ts'
import { textFrame } from '../src/servers/frame.ts'

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

/** A client that is ready, and the server's end of its socket. */
async function connected(): Promise<{ client: WebSocketClient; tally: Tally; socket: Socket; broken: Error[] }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => server.close())
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const tally = new Tally()
  const broken: Error[] = []
  let handleReady = (): void => {}
  const ready = new Promise<void>((resolve) => {
    handleReady = resolve
  })
  const client = new WebSocketClient(
    joinWords,
    {
      port: (server.address() as AddressInfo).port,
      index: 0,
      channels: [0],
      sampled: false,
      onReady: handleReady,
      onBroken: (error) => broken.push(error),
    },
    tally,
  )
  const [socket] = await accepted
  socket.setNoDelay(true)
  socket.resume()
  cleanUps.push(() => {
    client.close()
    socket.destroy()
  })
  socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  socket.write(textFrame('ready'))
  await ready
  return { client, tally, socket, broken }
}

/** One write per byte, each in a turn of its own, so that frames are cut everywhere. */
async function writeBytes(socket: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => setImmediate(resolve)))
  }
}

test('messages are counted however their frames are cut, also where a length looks like a mark', async () => {
  const { client, tally, socket } = await connected()
  // 126 is the mark's own byte, and what announces a longer length.
  const frames = Buffer.concat([
    textFrame('"~one"'),
    textFrame(`~${'x'.repeat(125)}`),
    textFrame('no mark'),
    textFrame('~~'),
  ])
  await writeBytes(socket, frames)
  await tally.until(4, 5000)
  expect(client.delivered).toBe(4)
})

test('a whole burst in one read is counted like its messages one by one', async () => {
  const { client, tally, socket } = await connected()
  socket.write(Buffer.concat(Array.from({ length: 50 }, () => textFrame(`"~${'x'.repeat(97)}"`))))
  await tally.until(50, 5000)
  expect(client.delivered).toBe(50)
})

test('what does not come in time is an error that says how much has', async () => {
  const { tally, socket } = await connected()
  socket.write(textFrame('~'))
  await expect(tally.until(2, 200)).rejects.toThrow('1 deliveries of 2')
})

test('a connection that the server ends breaks the run', async () => {
  const { socket, broken } = await connected()
  const ended = once(socket, 'close')
  socket.end(Buffer.from([0x88, 0]))
  await ended
  await expect.poll(() => broken.length).toBeGreaterThan(0)
})
