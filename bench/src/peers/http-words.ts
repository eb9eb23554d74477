// What the clients of the peers say over server-sent events and long polling.

import { get, post } from '../load/http-request.ts'
import type { PollTalk, PollWords } from '../load/poll-client.ts'
import type { StreamWords } from '../load/stream-client.ts'

/** Channels in the URL; the first thing that is said has `ready` in it. */
export const streamWords: StreamWords = {
  request: (channels) => get(`/?c=${channels.join()}`),
  ready: (text) => text.includes('ready'),
}

/** servers/raw-poll.ts: one channel, and a body whose first line is where to go on. */
export const pollWords: PollWords = {
  converse([channel]) {
    let polls = 0
    return {
      first: get(`/?c=${channel}`),
      next(body) {
        polls++
        return get(`/?c=${channel}&after=${body.slice(0, body.indexOf('\n'))}`)
      },
      get ready() {
        return polls > 0
      },
    }
  },
}

/** Between packets of engine.io protocol 4. */
const SEPARATOR = '\x1e'

/** Engine.io with the words of `joinWords` in its messages. */
export const engineIoPollWords: PollWords = {
  converse: (channels) =>
    engineTalk('/engine.io/', [{ hears: '0{', says: `4j${channels.join()}` }, { hears: '4ready' }]),
}

/** Socket.IO over it: open, connect to the namespace, one event. */
export const socketIoPollWords: PollWords = {
  converse: (channels) =>
    engineTalk('/socket.io/', [
      { hears: '0{', says: '40' },
      { hears: '40{', says: `42${JSON.stringify(['join', channels.map(String)])}` },
      { hears: '42["ready"]' },
    ]),
}

/** What is waited for, and what is said to it. */
interface Step {
  readonly hears: string
  readonly says?: string
}

/** GETs that hear and POSTs that say, one after another on one connection; pings are answered whenever they come. */
function engineTalk(path: string, steps: readonly Step[]): PollTalk {
  let step = 0
  let session = ''
  let isPost = false
  return {
    first: get(`${path}?EIO=4&transport=polling`),
    next(body) {
      const says: string[] = []
      if (!isPost) {
        for (const packet of body.split(SEPARATOR)) {
          if (packet === '2') says.push('3')
          const current = steps[step]
          if (current === undefined || !packet.startsWith(current.hears)) continue
          if (step++ === 0) session = (JSON.parse(packet.slice(1)) as { sid: string }).sid
          if (current.says !== undefined) says.push(current.says)
        }
      }
      isPost = says.length > 0
      const url = `${path}?EIO=4&transport=polling&sid=${session}`
      return isPost ? post(url, says.join(SEPARATOR)) : get(url)
    },
    get ready() {
      return step === steps.length
    },
  }
}
