/** A proxy in front of nodes, of either kind, with a certificate of its own. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Front } from '@triwire-test/conformance'
import {
  freePort,
  missingHaproxy,
  missingNginx,
  type ProxyServer,
  startHaproxy,
  startNginx,
} from '@triwire-test/services'
import {
  ADMIN_SOCKET,
  BOTH,
  CERTIFICATE,
  type Changes,
  haproxyCfg,
  KEY,
  nginxConf,
  type Place,
} from './configuration.ts'

/** A proxy as a test uses it. */
export interface ProxyFront extends Front {
  /** Where it sends everybody away to TLS. */
  readonly plainOrigin: string
  /** Lets no new connection reach the node with this index; those that are open go on. */
  takeOut(index: number): Promise<void>
  /** Asks HAProxy's administration. @throws Error where it is nginx */
  ask(command: string): Promise<string>
}

/** One of the two. */
export interface ProxyKind {
  readonly name: 'nginx' | 'HAProxy'
  /** Why it cannot be tested here. */
  readonly missing: string | undefined
  /** The text of its configuration that bounds every silence. */
  readonly silence: readonly string[]
  start(nodes: readonly number[], changes?: Changes): Promise<ProxyFront>
}

/** nginx, with docs/scaling/nginx.conf. */
export const nginx: ProxyKind = {
  name: 'nginx',
  missing: missingNginx,
  silence: ['proxy_read_timeout 75s', 'proxy_send_timeout 75s'],
  start: (nodes, changes) =>
    start(nodes, async (place) => {
      const file = join(place.folder, 'nginx.conf')
      writeFileSync(file, nginxConf(place, changes))
      const proxy = await startNginx(file, place.httpsPort)
      const countInLog = (pattern: RegExp): number =>
        readFileSync(join(place.folder, 'error.log'), 'utf8').match(pattern)?.length ?? 0
      return {
        proxy,
        takeOut: async (index) => {
          const address = `server 127.0.0.1:${place.nodes[index]} `
          const workers = countInLog(/start worker process \d/g)
          writeFileSync(file, readFileSync(file, 'utf8').replace(address, `${address}down `))
          proxy.process.kill('SIGHUP')
          // The old workers accept nobody any more when they have said so.
          while (countInLog(/gracefully shutting down/g) < workers) await tick()
        },
        ask: () => Promise.reject(new Error('nginx has no such thing.')),
      }
    }),
}

/** HAProxy, with docs/scaling/haproxy.cfg. */
export const haproxy: ProxyKind = {
  name: 'HAProxy',
  missing: missingHaproxy,
  silence: ['timeout client 75s', 'timeout server 75s', 'timeout tunnel 75s'],
  start: (nodes, changes) =>
    start(nodes, async (place) => {
      const file = join(place.folder, 'haproxy.cfg')
      writeFileSync(file, haproxyCfg(place, changes))
      const proxy = await startHaproxy(file, place.httpsPort)
      const ask = async (command: string): Promise<string> => {
        const socket = connect(join(place.folder, ADMIN_SOCKET))
        socket.end(`${command}\n`)
        return (await text(socket)).trim()
      }
      return {
        proxy,
        takeOut: async (index) => {
          const answer = await ask(`set server triwire/${'abc'[index]} state drain`)
          if (answer !== '') throw new Error(`HAProxy answered: ${answer}`)
        },
        ask,
      }
    }),
}

interface Started {
  readonly proxy: ProxyServer
  readonly takeOut: (index: number) => Promise<void>
  readonly ask: (command: string) => Promise<string>
}

async function start(nodes: readonly number[], run: (place: Place) => Promise<Started>): Promise<ProxyFront> {
  const folder = mkdtempSync(join(tmpdir(), 'triwire-proxy-'))
  // They run under accounts of their own.
  chmodSync(folder, 0o755)
  const { certificate, key } = ourCertificate()
  writeFileSync(join(folder, CERTIFICATE), certificate)
  writeFileSync(join(folder, KEY), key)
  writeFileSync(join(folder, BOTH), certificate + key)
  const place = { folder, httpPort: await freePort(), httpsPort: await freePort(), nodes }
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const { proxy, ...rest } = await run(place)
    return {
      origin: `https://127.0.0.1:${place.httpsPort}`,
      plainOrigin: `http://127.0.0.1:${place.httpPort}`,
      ...rest,
      close: async () => {
        await proxy.stop()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

interface Certificate {
  readonly certificate: string
  readonly key: string
}

let made: Certificate | undefined

/** A certificate that nobody has signed, made once per process. */
function ourCertificate(): Certificate {
  if (made !== undefined) return made
  const folder = mkdtempSync(join(tmpdir(), 'triwire-certificate-'))
  try {
    const [certificate, key] = [join(folder, CERTIFICATE), join(folder, KEY)]
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
        .concat(['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'])
        .concat(['-keyout', key, '-out', certificate]),
      { stdio: 'ignore' },
    )
    made = { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
    return made
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10))
}
