/**
 * The upstream of the two HTTP wires: `POST …/send`. What has an order travels in one request at a time; commands use
 * requests of their own, so that a slow handler holds up nothing. A lost response needs no care here: the wire is
 * reported closed, and the session writes the same lines again under the same identity.
 */
import { DEFAULT_WIRE_LIMITS, type OutgoingLine } from '@triwire/protocol'
import { HttpError, post, wasAborted } from './post.ts'
import type { WireOptions } from './wire.ts'

/** Command requests at once: browsers allow six connections per origin over HTTP/1.1, and others need some. */
const COMMANDS_AT_ONCE = 2

/** Milliseconds a `send` may take before its connection counts as dead; servers answer within 20 s. */
const TIMEOUT_MS = 30_000

/** The sending half of an HTTP wire. */
export interface Upstream {
  send(lines: readonly OutgoingLine[]): void
  close(): void
}

/** Makes the sending half. */
export function createUpstream({ url, source, listener, fetch }: WireOptions): Upstream {
  const underWay = new Set<AbortController>()
  let ordered: string[] = []
  let commands: string[] = []
  let orderedUnderWay = false
  let commandsUnderWay = 0

  const request = async (lines: readonly string[]): Promise<void> => {
    const controller = new AbortController()
    underWay.add(controller)
    try {
      const body = [source.hello(), ...lines].join('\n')
      const options = { fetch, url: `${url}/send`, body, controller, timeoutMs: TIMEOUT_MS }
      const text = await post(options, (response) => response.text())
      if (!wasAborted(controller)) listener.handleText(text, true)
    } catch (error) {
      if (wasAborted(controller)) return
      const { code, message, retryMs } = HttpError.from(error)
      listener.handleClosed(code, message, retryMs)
    } finally {
      underWay.delete(controller)
    }
  }

  const pump = (): void => {
    if (!orderedUnderWay && ordered.length > 0) {
      const batch = takeBatch(ordered)
      ordered = ordered.slice(batch.length)
      orderedUnderWay = true
      void request(batch).then(() => {
        orderedUnderWay = false
        pump()
      })
    }
    while (commandsUnderWay < COMMANDS_AT_ONCE && commands.length > 0) {
      const [command = '', ...rest] = commands
      commands = rest
      commandsUnderWay++
      void request([command]).then(() => {
        commandsUnderWay--
        pump()
      })
    }
  }

  return {
    send(lines) {
      for (const { text, lane } of lines) (lane === 'command' ? commands : ordered).push(text)
      pump()
    },
    close() {
      ordered = []
      commands = []
      for (const controller of underWay) controller.abort()
    },
  }
}

/** As many lines as fit into one body, at least one. Characters count three bytes, so that no text can exceed it. */
export function takeBatch(lines: readonly string[]): string[] {
  const room = DEFAULT_WIRE_LIMITS.body / 2
  let bytes = 0
  const batch: string[] = []
  for (const line of lines) {
    bytes += line.length * 3
    if (batch.length > 0 && (bytes > room || batch.length >= DEFAULT_WIRE_LIMITS.batch / 2)) break
    batch.push(line)
  }
  return batch
}
