// What a file imports, by whatever syntax: import and export … from, import(), the type `import('x').Y`,
// `import x = require('x')`, require().

import { isNode, nodesOf, type SyntaxNode } from './syntax.ts'

/** The specifiers of `source` in order of appearance: `@triwire/server/testing`, `./hub.ts`, `node:fs`. */
export function importsOf(path: string, source: string): string[] {
  return nodesOf(path, source).flatMap(({ node }) => {
    const specifier = specifierOf(node)
    return specifier === undefined ? [] : [specifier]
  })
}

/** The package a specifier belongs to: `@triwire/server/testing` → `@triwire/server`, `hono/ws` → `hono`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function specifierOf(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.source ? textOf(node.source) : undefined
    case 'ImportExpression':
    case 'TSImportType':
      return textOf(node.source ?? node.argument)
    case 'TSExternalModuleReference':
      return textOf(node.expression)
    case 'CallExpression': {
      const callee = node.callee
      const isRequire = isNode(callee) && callee.type === 'Identifier' && callee.name === 'require'
      return isRequire ? textOf((node.arguments as unknown[])[0]) : undefined
    }
    default:
      return undefined
  }
}

/** A specifier computed at run time cannot be judged, so it is named as what it is and no rule allows it. */
function textOf(literal: unknown): string {
  if (isNode(literal)) {
    if (literal.type === 'TSLiteralType') return textOf(literal.literal)
    if (typeof literal.value === 'string') return literal.value
  }
  return '(computed)'
}
