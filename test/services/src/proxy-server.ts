/** The proxies that production has in front of its nodes, as children in the foreground that end by their own handle. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

/** A running proxy. */
export interface ProxyServer {
  readonly process: ChildProcess
  /** What it has said on stderr so far. */
  readonly said: readonly string[]
  stop(): Promise<void>
}

/** Debian has them where only root looks by default. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`

/** Why there is no nginx to test with; undefined where there is one. */
export const missingNginx: string | undefined = missing('nginx', '-v')

/** Why there is no HAProxy to test with; undefined where there is one. */
export const missingHaproxy: string | undefined = missing('haproxy', '-v')

/** Starts nginx with a configuration, and waits until it accepts connections at `port`. SIGHUP has it read the file again. */
export function startNginx(file: string, port: number): Promise<ProxyServer> {
  return start('nginx', ['-c', file, '-g', 'daemon off;'], port)
}

/** Starts HAProxy with a configuration, and waits until it accepts connections at `port`. */
export function startHaproxy(file: string, port: number): Promise<ProxyServer> {
  return start('haproxy', ['-db', '-f', file], port)
}

async function start(command: string, args: readonly string[], port: number): Promise<ProxyServer> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH } })
  // A test run that is ended from outside stops nothing in an orderly way. SIGTERM: a killed nginx leaves its workers.
  const end = (): void => void child.kill('SIGTERM')
  process.once('exit', end)
  const said: string[] = []
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 1000) said.push(String(chunk))
  })
  const ended = once(child, 'exit').finally(() => process.off('exit', end))
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  // Nothing tells when they are ready.
  while (!isOver() && !(await accepts(port))) await new Promise((resolve) => setTimeout(resolve, 10))
  if (isOver()) throw new Error(`${command} ended at once:\n${said.join('')}`)
  return {
    process: child,
    said,
    stop: async () => {
      if (!isOver()) child.kill('SIGTERM')
      await ended
    },
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

function missing(command: string, flag: string): string | undefined {
  try {
    execFileSync(command, [flag], { stdio: 'ignore', env: { ...process.env, PATH } })
    return undefined
  } catch {
    return `${command} is not installed (apt install ${command})`
  }
}
