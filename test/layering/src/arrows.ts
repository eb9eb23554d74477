// The arrows between packages, and the rules that keep them. An arrow points down: what is below never knows what is
// above, so a change in a binding or a host cannot reach the protocol.

import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { importsOf, packageOf } from './imports.ts'
import type { Manifest, WorkspacePackage } from './workspace.ts'

/** The packages each package is built on. One that is not listed here may not exist. */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  '@triwire/protocol': [],
  '@triwire/client': ['@triwire/protocol'],
  '@triwire/server': ['@triwire/protocol'],
  '@triwire/hono': ['@triwire/edge', '@triwire/server'],
  '@triwire/edge': ['@triwire/server'],
  '@triwire/redis': ['@triwire/server'],
  '@triwire/nats': ['@triwire/server'],
  '@triwire/sqlite': ['@triwire/server'],
  '@triwire/react': ['@triwire/client'],
  '@triwire/vue': ['@triwire/client'],
  '@triwire/test': ['@triwire/client', '@triwire/protocol', '@triwire/server'],
  '@triwire/devtools': ['@triwire/client'],
  '@triwire/cli': ['@triwire/client', '@triwire/server'],
}

/** What tests start beside the product. It knows nothing of the product, so the tests of any package may use it. */
const services = '@triwire-test/services'

/** Runs in a browser, so what it publishes imports no module of Node. */
const forBrowsers = new Set(['@triwire/protocol', '@triwire/client', '@triwire/react', '@triwire/vue'])

/**
 * What a package may use, by purpose. Published code keeps to its own arrows, so that each layer hides the ones below
 * it. Tests may reach everything further down: no user meets them, and they may need a part the layer hides.
 */
interface Reach {
  readonly published: readonly string[]
  readonly development: readonly string[]
}

/** Every broken rule of one package, each as a sentence that names the place. Empty when all is well. */
export function brokenArrows(pkg: WorkspacePackage): string[] {
  const { name, devDependencies } = pkg.manifest
  const published = arrows[name]
  if (!published) return [`${name} has no arrows: say in arrows.ts what it may import`]
  const reach: Reach = { published, development: [...everythingBelow(name), services] }
  return [
    ...ourOwn(installedWith(pkg.manifest))
      .filter((declared) => !reach.published.includes(declared))
      .map((declared) => `${name} declares ${declared}, to which it has no arrow`),
    ...ourOwn(Object.keys(devDependencies ?? {}))
      .filter((declared) => !reach.development.includes(declared))
      .map((declared) => `${name} declares ${declared} for development, which is not below it`),
    ...Object.entries(pkg.files).flatMap(([path, source]) =>
      importsOf(path, source).flatMap((specifier) => {
        const complaint = complaintAbout(specifier, path, pkg.manifest, reach)
        return complaint ? [`${name}/${path} imports ${specifier}, ${complaint}`] : []
      }),
    ),
  ]
}

/** Arrows that would close a circle, found by following them down from each package. */
export function circles(graph: Readonly<Record<string, readonly string[]>>): string[] {
  const found: string[] = []
  const follow = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      found.push([...path.slice(path.indexOf(name)), name].join(' → '))
      return
    }
    for (const next of graph[name] ?? []) follow(next, [...path, name])
  }
  for (const name of Object.keys(graph)) follow(name, [])
  return found
}

/** What a user's package manager would install along with the package. */
export function installedWith(manifest: Manifest): string[] {
  const { dependencies, peerDependencies, optionalDependencies } = manifest
  return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
}

function complaintAbout(specifier: string, path: string, manifest: Manifest, reach: Reach): string | undefined {
  if (specifier === '(computed)') return 'which no rule can check'
  if (specifier.startsWith('.')) {
    return posix.join(posix.dirname(path), specifier).startsWith('..') ? 'which leaves the package' : undefined
  }
  if (specifier.startsWith('/') || specifier.startsWith('file:')) return 'which is a path of one machine'
  // Modules a host brings along, such as cloudflare:workers, are installed by nobody.
  if (/^(cloudflare|bun|deno):/.test(specifier)) return undefined
  return path.startsWith('src/')
    ? complaintAboutPublished(specifier, manifest, reach)
    : complaintAboutTest(specifier, manifest, reach)
}

function complaintAboutPublished(specifier: string, manifest: Manifest, reach: Reach): string | undefined {
  if (isBuiltin(specifier)) return forBrowsers.has(manifest.name) ? 'which no browser has' : undefined
  const target = packageOf(specifier)
  if (target === manifest.name) return undefined
  if (isOurOwn(target)) return reach.published.includes(target) ? undefined : 'to which it has no arrow'
  return installedWith(manifest).includes(target) ? undefined : 'which is neither a dependency nor a peer of it'
}

function complaintAboutTest(specifier: string, manifest: Manifest, reach: Reach): string | undefined {
  const target = packageOf(specifier)
  const isFine = !isOurOwn(target) || target === manifest.name || reach.development.includes(target)
  return isFine ? undefined : 'which is not below it'
}

function everythingBelow(name: string): string[] {
  return (arrows[name] ?? []).flatMap((next) => [next, ...everythingBelow(next)])
}

/** Packages, apps (`@triwire/demo`) and test folders (`@triwire-test/…`) alike. */
function isOurOwn(name: string): boolean {
  return name.startsWith('@triwire')
}

function ourOwn(names: readonly string[]): string[] {
  return names.filter(isOurOwn)
}
