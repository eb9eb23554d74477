// Requests as text: one connection each, kept alive.

/** @param path below the root, with its query */
export function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
}

/** A body of ASCII, as plain text. */
export function post(path: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  )
}
