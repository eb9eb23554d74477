/**
 * Lines as server-sent events. Events keep the default type, so `EventSource.onmessage` sees them and only them;
 * every other line is an event of its own type.
 */
import { formatSseEvent } from '@triwire/protocol'

const TYPE = /^\{"t":"([a-z]+)"/
/** Addresses hold no quotes, so the cursor can be found without parsing the line. */
const CURSOR = /^\{"t":"(?:ev|joined)","ch":"[^"]*",(?:"j":[0-9]+,)?"at":"([^"]*)"/

/** Frames one line; with `eventIds`, the browser's own EventSource can resume from it. */
export function frameSse(line: string, eventIds: boolean): string {
  const type = TYPE.exec(line)?.[1]
  const id = eventIds ? CURSOR.exec(line)?.[1] : undefined
  return formatSseEvent(line, {
    ...(type === undefined || type === 'ev' ? {} : { type }),
    ...(id === undefined ? {} : { id }),
  })
}
