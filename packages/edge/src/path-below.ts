/** Where a request goes below the path that Triwire is mounted at. */

/** The path below `base`, beginning with `/`; undefined where it is not below it. */
export function pathBelow(base: string, path: string): string | undefined {
  const own = base.replace(/\/+$/, '')
  if (path === own) return '/'
  return path.startsWith(`${own}/`) ? path.slice(own.length) : undefined
}
