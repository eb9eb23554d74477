// A parsed file as one flat list of its nodes. The rules ask syntax rather than text: a comment that says
// `setTimeout` or a string that says 'websocket' is not a use of it.

import { parseAst } from 'vite'

export interface SyntaxNode {
  readonly type: string
  readonly [field: string]: unknown
}

export interface PlacedNode {
  readonly node: SyntaxNode
  readonly parent: SyntaxNode | undefined
}

/** @throws a SyntaxError where `source` is not valid in the language `path` ends with. */
export function nodesOf(path: string, source: string): PlacedNode[] {
  const placed: PlacedNode[] = []
  const visit = (value: unknown, parent: SyntaxNode | undefined): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, parent)
    else if (isNode(value)) {
      placed.push({ node: value, parent })
      for (const field of Object.values(value)) visit(field, value)
    }
  }
  visit(parseAst(source, { lang: languageOf(path), sourceType: 'module' }), undefined)
  return placed
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string'
}

function languageOf(path: string): 'js' | 'jsx' | 'ts' | 'tsx' {
  if (/\.[cm]?ts$/.test(path)) return 'ts'
  if (path.endsWith('.tsx')) return 'tsx'
  return path.endsWith('.jsx') ? 'jsx' : 'js'
}
