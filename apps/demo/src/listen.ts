// Where a server listens, by the environment, and what keeps it from it in words.

/** Where to listen. */
export interface ListenAddress {
  readonly port: number
  readonly hostname: string
  /** What a failure to listen means for whoever started it. */
  readonly problem: (error: NodeJS.ErrnoException) => string
}

/** Reads PORT and HOST; ends the process where PORT is no port. */
export function addressFrom({ PORT, HOST }: NodeJS.ProcessEnv): ListenAddress {
  const port = portFrom(PORT)
  const hostname = HOST || '127.0.0.1'
  return {
    port,
    hostname,
    problem: ({ code, syscall, message }) => {
      if (code === 'EADDRINUSE') return `Port ${port} is in use. Choose another one, for example PORT=${port + 1}.`
      return syscall === 'listen' ? `Cannot listen on ${hostname}:${port}: ${message}` : message
    },
  }
}

/** Ends the process with a sentence. */
export function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

function portFrom(value = '3000'): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number > 65_535) fail(`PORT must be a number from 0 to 65535, and it is "${value}".`)
  return number
}
