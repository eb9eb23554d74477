/**
 * The configurations of docs/scaling, made to run in a temporary folder on loopback. Changed are ports, paths, the
 * addresses of the nodes, how many clients the machine is meant for, and what a test names one by one; a text that is not
 * there any more fails, so that nothing is tested that is not in the file.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a proxy runs. */
export interface Place {
  /** A folder of its own that holds the certificate. */
  readonly folder: string
  readonly httpPort: number
  readonly httpsPort: number
  /** Ports of the nodes on loopback: one to three of them. */
  readonly nodes: readonly number[]
}

/** Texts of a configuration with what stands in their place. */
export type Changes = Readonly<Record<string, string>>

/** Files in the folder of a place. */
export const CERTIFICATE = 'certificate.pem'
export const KEY = 'key.pem'
/** HAProxy wants both in one. */
export const BOTH = 'both.pem'
export const ADMIN_SOCKET = 'admin.sock'

const NODES = ['10.0.0.11:3000', '10.0.0.12:3000', '10.0.0.13:3000']

/** nginx.conf, to be written to a place. */
export function nginxConf({ folder, httpPort, httpsPort, nodes }: Place, changes: Changes = {}): string {
  return configure('nginx.conf', nodes, {
    '/run/nginx.pid': join(folder, 'nginx.pid'),
    // At this level it says when its workers begin and end.
    '/var/log/nginx/error.log warn': `${join(folder, 'error.log')} notice`,
    '/var/log/nginx/access.log': join(folder, 'access.log'),
    '/var/cache/nginx/triwire': join(folder, 'pages'),
    '/etc/ssl/private/app.example.com.pem': join(folder, CERTIFICATE),
    '/etc/ssl/private/app.example.com.key': join(folder, KEY),
    'listen 80;': `listen 127.0.0.1:${httpPort};`,
    'listen 443 ssl http2;': `listen 127.0.0.1:${httpsPort} ssl http2;`,
    // Paths that are compiled into it, where only root may write.
    'http {\n': `http {\n${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((what) => `  ${what}_temp_path ${join(folder, what)};\n`)
      .join('')}`,
    ...changes,
  })
}

/** haproxy.cfg, to be written to a place. */
export function haproxyCfg({ folder, httpPort, httpsPort, nodes }: Place, changes: Changes = {}): string {
  return configure('haproxy.cfg', nodes, {
    // Twice as many open files are more than a container may have, and then HAProxy does not start.
    'maxconn 15000': 'maxconn 1000',
    '/dev/log': join(folder, 'log.sock'),
    '  chroot /var/lib/haproxy': isRoot ? `  chroot ${folder}` : '',
    ...(isRoot ? {} : { '  user haproxy\n': '', '  group haproxy\n': '' }),
    '  stats socket /run/haproxy/admin.sock': `  stats socket ${join(folder, ADMIN_SOCKET)}`,
    '/etc/haproxy/certs/app.example.com.pem': join(folder, BOTH),
    'bind :80\n': `bind 127.0.0.1:${httpPort}\n`,
    'bind :443 ': `bind 127.0.0.1:${httpsPort} `,
    ...changes,
  })
}

/** Only root may change into another account. */
const isRoot = process.getuid?.() === 0

function configure(name: string, nodes: readonly number[], changes: Changes): string {
  const file = new URL(`../../../docs/scaling/${name}`, import.meta.url)
  let text = readFileSync(file, 'utf8')
  for (const [before, after] of Object.entries(changes)) text = replace(text, before, after)
  for (const [index, node] of NODES.entries()) {
    const port = nodes[index]
    if (port !== undefined) text = replace(text, node, `127.0.0.1:${port}`)
    else text = text.replace(new RegExp(`^ *server .*${node}.*\n`, 'm'), '')
  }
  return text
}

function replace(text: string, before: string, after: string): string {
  const parts = text.split(before)
  if (parts.length !== 2) throw new Error(`There are ${parts.length - 1} of "${before}", and there should be one.`)
  return parts.join(after)
}
