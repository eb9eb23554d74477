// Whether code is pure: no timer, clock, randomness, network or promise in it. That is what lets one state machine
// run on a virtual clock in the simulation and on every host in production.

import { isNode, nodesOf, type PlacedNode } from './syntax.ts'

const impureNames = new Set([
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'requestAnimationFrame'],
  ...['Date', 'performance', 'crypto'],
  ...['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest', 'BroadcastChannel'],
  ...['Promise', 'async', 'await'],
  // Ways around the list: the global object, and text run as code.
  ...['globalThis', 'eval', 'Function'],
])

/**
 * Every impurity in compiled JavaScript, once each, sorted. Names count wherever they stand as identifiers, a property
 * name included: that forbids a few harmless spellings and leaves no way to reach `x.setTimeout`.
 */
export function impuritiesOf(path: string, code: string): string[] {
  return [...new Set(nodesOf(path, code).flatMap(impurityOf))].sort()
}

function impurityOf({ node, parent }: PlacedNode): string[] {
  if (node.async === true) return ['async']
  if (node.type === 'AwaitExpression' || node.await === true) return ['await']
  if (node.type !== 'Identifier') return []
  const name = String(node.name)
  if (name === 'Math') return isPlainMathMember(node, parent) ? [] : ['Math']
  if (name === 'random' && isMemberOfMath(parent)) return ['Math.random']
  return impureNames.has(name) ? [name] : []
}

/** `Math.max` is fine; `Math['random']` and `const { random } = Math` are not, whatever they pick. */
function isPlainMathMember(math: unknown, parent: PlacedNode['parent']): boolean {
  return parent?.type === 'MemberExpression' && parent.object === math && parent.computed !== true
}

function isMemberOfMath(parent: PlacedNode['parent']): boolean {
  const object = parent?.type === 'MemberExpression' ? parent.object : undefined
  return isNode(object) && object.type === 'Identifier' && object.name === 'Math'
}
