/** A TCP relay: an address that stays while what is behind it changes, and a line that can be cut where it hurts. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A running relay. */
export interface Relay {
  readonly port: number
  /** Where new connections lead. */
  target: number
  /** Whether new connections are refused. */
  isDown: boolean
  /**
   * Asked once of each connection, with the first that came over it. Where it says no, nothing goes either way any more,
   * and what becomes of the connection is up to whoever said so.
   */
  admit: (head: string, near: Socket) => boolean
  /** Cuts every connection. */
  cut(): void
  /** Has every connection carry nothing any more, and tells nobody; those that come later work. */
  silence(): void
  /** Cuts each connection in place of the first answer behind a request that contains `text`; it was carried out then. */
  loseAnswerTo(text: string): void
  /** Requests whose answer was lost. */
  readonly lost: number
  /**
   * Cuts the connection in place of the first request that contains `text`, which is on its way then. Returns how to let it
   * arrive, long after whoever sent it has come back and sent it again; resolves when it was carried out.
   */
  delay(text: string): () => Promise<void>
  close(): Promise<void>
}

export async function startRelay(target: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let losing: string | undefined
  let delaying: string | undefined
  let arrive = async (): Promise<void> => {}
  let lost = 0
  const server = createServer((near) => {
    if (relay.isDown) {
      near.destroy()
      return
    }
    const far = connect(relay.target, '127.0.0.1')
    let isDoomed = false
    let isAdmitted: boolean | undefined
    near.on('data', (chunk) => {
      isAdmitted ??= relay.admit(String(chunk), near)
      if (!isAdmitted) return
      if (delaying !== undefined && chunk.includes(delaying)) {
        delaying = undefined
        arrive = async () => {
          far.end(chunk)
          await once(far, 'close')
        }
        near.removeAllListeners('close').destroy()
        return
      }
      if (losing !== undefined && chunk.includes(losing)) {
        losing = undefined
        isDoomed = true
      }
      far.write(chunk)
    })
    far.on('data', (chunk) => {
      if (!isDoomed) {
        near.write(chunk)
        return
      }
      lost++
      near.destroy()
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const relay: Relay = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    target,
    isDown: false,
    admit: () => true,
    cut,
    silence: () => {
      for (const socket of sockets) socket.pause()
    },
    loseAnswerTo: (text) => {
      losing = text
    },
    delay: (text) => {
      delaying = text
      return () => arrive()
    },
    get lost() {
      return lost
    },
    close: async () => {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
  return relay
}
