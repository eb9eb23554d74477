/**
 * Templates and patterns, the two small languages inside a case.
 *
 * A template becomes a value: `${name}` is replaced (a string that is nothing else becomes the value itself),
 * `{ "$repeat": "x", "times": n, "plus": 1 }` becomes a long string, and in a list
 * `{ "$each": "i", "from": 1, "to": 100, "item": … }` becomes many items.
 *
 * A pattern is matched against a value: objects need the keys they name and may have more, lists and everything else
 * are exact. `{ "$capture": "name" }` remembers a value, `{ "$match": "regexp" }` also remembers its named groups,
 * `{ "$type": "number" }` and `{ "$absent": true }` say what they mean; the first three can be combined.
 */

/** What a case knows by name. */
export type Names = Record<string, unknown>

/** Fills a template. @throws Error where a name is unknown */
export function fill(template: unknown, names: Names): unknown {
  if (typeof template === 'string') return fillText(template, names)
  if (Array.isArray(template)) return template.flatMap((item) => fillItem(item, names))
  if (!isRecord(template)) return template
  if (typeof template.$repeat === 'string') {
    const times = Number(fill(template.times, names)) + Number(template.plus ?? 0)
    return template.$repeat.repeat(times)
  }
  // Object.fromEntries makes own keys of everything, `__proto__` included.
  return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, fill(value, names)]))
}

/** Fills a template that must become a string. */
export function fillString(template: unknown, names: Names): string {
  const value = fill(template, names)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Matches a filled pattern; the captures, or undefined where it does not match. */
export function match(pattern: unknown, value: unknown): Names | undefined {
  const captures: Names = {}
  return matches(pattern, value, captures) ? captures : undefined
}

function fillItem(item: unknown, names: Names): unknown[] {
  if (!isRecord(item) || typeof item.$each !== 'string') return [fill(item, names)]
  const name = item.$each
  const [from, to] = [Number(fill(item.from, names)), Number(fill(item.to, names))]
  const count = to - from + 1
  return Array.from({ length: count }, (_, index) => fill(item.item, { ...names, [name]: from + index }))
}

function fillText(template: string, names: Names): unknown {
  const whole = /^\$\{([^}]+)\}$/.exec(template)?.[1]
  if (whole !== undefined) return lookUp(whole, names)
  return template.replace(/\$\{([^}]+)\}/g, (_, name: string) => String(lookUp(name, names)))
}

function lookUp(name: string, names: Names): unknown {
  let value: unknown = names
  for (const part of name.split('.')) {
    if (!isRecord(value) || !Object.hasOwn(value, part)) throw new Error(`The case uses \${${name}}, unknown here.`)
    value = value[part]
  }
  return value
}

function matches(pattern: unknown, value: unknown, captures: Names): boolean {
  if (Array.isArray(pattern)) {
    return (
      Array.isArray(value) &&
      value.length === pattern.length &&
      pattern.every((one, i) => matches(one, value[i], captures))
    )
  }
  if (!isRecord(pattern)) return Object.is(pattern, value)
  if (Object.keys(pattern).some((key) => key.startsWith('$'))) return matchesOperators(pattern, value, captures)
  if (!isRecord(value)) return false
  return Object.entries(pattern).every(([key, one]) => {
    if (isRecord(one) && one.$absent === true) return !Object.hasOwn(value, key)
    return Object.hasOwn(value, key) && matches(one, value[key], captures)
  })
}

function matchesOperators(pattern: Record<string, unknown>, value: unknown, captures: Names): boolean {
  for (const [operator, operand] of Object.entries(pattern)) {
    if (operator === '$capture') captures[String(operand)] = value
    else if (operator === '$type') {
      if (typeof value !== operand) return false
    } else if (operator === '$match') {
      const found = new RegExp(String(operand), 'u').exec(String(value))
      if (found === null) return false
      Object.assign(captures, found.groups)
    } else if (operator === '$atMost') {
      if (!(typeof value === 'number' && value <= Number(operand))) return false
    } else throw new Error(`There is no operator ${operator}.`)
  }
  return true
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
