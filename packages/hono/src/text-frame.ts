/** Text messages of WebSocket, as a server writes them (RFC 6455 §5.2): whole, not masked, not compressed. */

/** FIN, and the opcode of text. */
const FINAL_TEXT = 0x81

/** Longest payloads whose length fits the first byte of it, and two more. */
const SHORT = 125
const MEDIUM = 0xffff

/** Makes the frame of a message. */
export function encodeTextFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const headBytes = bytes <= SHORT ? 2 : bytes <= MEDIUM ? 4 : 10
  const frame = Buffer.allocUnsafe(headBytes + bytes)
  frame[0] = FINAL_TEXT
  if (bytes <= SHORT) frame[1] = bytes
  else if (bytes <= MEDIUM) {
    frame[1] = SHORT + 1
    frame.writeUInt16BE(bytes, 2)
  } else {
    frame[1] = SHORT + 2
    frame.writeBigUInt64BE(BigInt(bytes), 2)
  }
  frame.write(text, headBytes)
  return frame
}
