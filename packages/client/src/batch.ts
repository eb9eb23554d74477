/** How many lines travel together: fewer than servers refuse. */
import { DEFAULT_WIRE_LIMITS } from '@triwire/protocol'

const { body, batch } = DEFAULT_WIRE_LIMITS

/** Takes the lines off that fit into one body, at least one. Characters count three bytes, so that none can exceed it. */
export function takeBatch(lines: string[], most: number = batch / 2): string {
  let count = 0
  for (let bytes = 0; count < Math.min(lines.length, most); count++) {
    bytes += (lines[count] as string).length * 3
    if (count > 0 && bytes > body / 2) break
  }
  return lines.splice(0, count).join('\n')
}
