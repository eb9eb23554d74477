// Somebody who comes, stays for a while and goes, over one of the wires: in a common channel with others, and in one that
// nobody was in before. What a visitor says now and then is all that the wire can.

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Client, ClientOptions } from '../load/client.ts'
import { post } from '../load/http-request.ts'
import { PollClient } from '../load/poll-client.ts'
import { StreamClient } from '../load/stream-client.ts'
import type { Tally } from '../load/tally.ts'
import { WebSocketClient } from '../load/websocket-client.ts'
import { messageNow } from '../message.ts'
import type { Wire } from '../peers/peer.ts'
import {
  drawSession,
  hello,
  joins,
  pollTalk,
  triwirePresenceWords,
  triwireStreamWords,
} from '../peers/triwire-words.ts'

/** One of them. */
export interface Visitor {
  readonly wire: Wire
  readonly client: Client
  /** Says or does one thing. Rejects where the server does not take it. */
  act(): Promise<void>
}

/** Comes in: the first of its channels is the common one, the last its own. */
export function visit(wire: Wire, options: ClientOptions, tally: Tally): Visitor {
  switch (wire) {
    case 'websocket':
      return new SocketVisitor(options, tally)
    case 'sse':
      return new StreamVisitor(options, tally)
    case 'polling':
      return new PollVisitor(options, tally)
  }
}

class SocketVisitor implements Visitor {
  readonly wire = 'websocket'
  readonly client: WebSocketClient
  readonly #channels: readonly number[]
  readonly #published = new Map<number, number>()
  #acts = 0
  #joins: number

  constructor(options: ClientOptions, tally: Tally) {
    this.#channels = options.channels
    this.#joins = options.channels.length
    this.client = new WebSocketClient(triwirePresenceWords, options, tally)
  }

  async act(): Promise<void> {
    const { words } = this.client
    const [common, own] = this.#channels as [number, number]
    const act = ++this.#acts
    switch (act % 6) {
      case 0:
        return this.client.say(`{"t":"leave","ch":"room?id=${own}"}`)
      case 1:
        return this.client.say(`{"t":"join","ch":"room?id=${own}","j":${++this.#joins},"tail":10,"pres":""}`)
      case 2:
        return this.client.say(must(words.announce)(common, act, 'here'))
      case 3:
        return this.#publish(common)
      case 4:
        return this.#publish(own)
      case 5:
        return this.client.say(must(act % 12 === 5 ? words.command : words.depart)(common, act, 'gone'))
    }
  }

  #publish(channel: number): void {
    const n = (this.#published.get(channel) ?? 0) + 1
    this.#published.set(channel, n)
    this.client.sayAll(must(this.client.words.publish)(channel, n, [messageNow()]))
  }
}

class StreamVisitor implements Visitor {
  readonly wire = 'sse'
  readonly client: StreamClient
  readonly #sender: Sender

  constructor(options: ClientOptions, tally: Tally) {
    const session = drawSession()
    const user = hello(options.index, session)
    const presence = `\n{"t":"pres","ch":"room?id=${options.channels[0]}","n":1,"d":"here"}`
    this.#sender = new Sender(options, user)
    const words = {
      ...triwireStreamWords,
      request: (channels: readonly number[]) => post('/rt/stream', user + joins(channels, ',"pres":""') + presence),
    }
    this.client = new StreamClient(words, options, tally)
  }

  act(): Promise<void> {
    return this.#sender.publish()
  }
}

class PollVisitor implements Visitor {
  readonly wire = 'polling'
  readonly client: PollClient
  readonly #sender: Sender

  constructor(options: ClientOptions, tally: Tally) {
    const user = hello(options.index, drawSession())
    this.#sender = new Sender(options, user)
    this.client = new PollClient({ converse: ([channel]) => pollTalk(channel as number, user) }, options, tally)
  }

  act(): Promise<void> {
    return this.#sender.publish()
  }
}

/** What the two HTTP wires say upstream: PROTOCOL.md §6.5. */
class Sender {
  readonly #url: string
  readonly #user: string
  readonly #channel: number
  #n = 0

  constructor({ port, channels }: ClientOptions, user: string) {
    this.#url = `http://127.0.0.1:${port}/rt/send`
    this.#user = user
    this.#channel = channels[0] as number
  }

  async publish(): Promise<void> {
    const line = { t: 'pub', ch: `room?id=${this.#channel}`, n: ++this.#n, e: 'message', d: messageNow() }
    const body = `${this.#user}\n${JSON.stringify(line)}`
    // On a connection of its own: one that was kept might end while it is used again.
    const sending = request(this.#url, { method: 'POST', agent: false, headers: { 'Content-Type': 'text/plain' } })
    sending.end(body)
    const [response] = (await once(sending, 'response')) as [IncomingMessage]
    const answer = await text(response)
    if (!answer.includes('"t":"ack"')) throw new Error(`A publish was answered with: ${answer.slice(0, 300)}`)
  }
}

function must<TWord>(word: TWord | undefined): TWord {
  if (word === undefined) throw new Error('A client of Triwire has words for everything.')
  return word
}
