// Markdown as far as these tests need it: code fences, headings with their anchors, links and code spans.

/** A fenced code block. */
export interface Fence {
  readonly language: string
  readonly code: string
  /** Line of the first line of code, counted from 1. */
  readonly line: number
}

interface Line {
  readonly text: string
  readonly number: number
}

/** The fenced blocks of a page, in order. */
export function fencesOf(markdown: string): Fence[] {
  return split(markdown).fences
}

/** The anchors of a page, as GitHub makes them from its headings. */
export function anchorsOf(markdown: string): string[] {
  const counts = new Map<string, number>()
  return split(markdown).prose.flatMap(({ text }) => {
    const heading = /^#{1,6} +(.+?) *#*$/.exec(text)?.[1]
    if (heading === undefined) return []
    const anchor = anchorOf(heading)
    const count = counts.get(anchor) ?? 0
    counts.set(anchor, count + 1)
    return [count === 0 ? anchor : `${anchor}-${count}`]
  })
}

/** The targets of links and images, outside code. */
export function linksOf(markdown: string): { readonly target: string; readonly line: number }[] {
  return split(markdown).prose.flatMap(({ text, number }) => {
    const plain = text.replaceAll(CODE_SPAN, '')
    const inline = [...plain.matchAll(/\]\(([^()\s]+(?:\([^()]*\))?)(?: +"[^"]*")?\)/g)]
    const references = [...plain.matchAll(/^ {0,3}\[[^\]]+\]: +<?([^\s>]+)>?/g)]
    return [...inline, ...references].map((match) => ({ target: match[1] as string, line: number }))
  })
}

/** What stands between backticks, outside fences. */
export function codeSpansOf(markdown: string): { readonly code: string; readonly line: number }[] {
  return split(markdown).prose.flatMap(({ text, number }) =>
    [...text.matchAll(CODE_SPAN)].map((match) => ({ code: (match[2] as string).trim(), line: number })),
  )
}

/** The rows of tables, their heads included, cell by cell. */
export function rowsOf(markdown: string): { readonly cells: readonly string[]; readonly line: number }[] {
  return split(markdown).prose.flatMap(({ text, number }) =>
    /^\|.*\|$/.test(text) ? [{ cells: text.slice(1, -1).split('|').map(contentOf), line: number }] : [],
  )
}

function contentOf(cell: string): string {
  return cell.trim().replaceAll('\\`', '`')
}

const CODE_SPAN = /(`+)(.+?)\1/g

/** As github-slugger does it: lower case, no punctuation but `-` and `_`, spaces become `-`. */
function anchorOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-')
}

function split(markdown: string): { readonly fences: Fence[]; readonly prose: Line[] } {
  const fences: Fence[] = []
  const prose: Line[] = []
  let open:
    | { readonly mark: string; readonly language: string; readonly line: number; readonly code: string[] }
    | undefined
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const number = index + 1
    const [, mark = '', info = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(text) ?? []
    if (open === undefined && mark !== '') {
      open = { mark, language: info.trim().split(/\s+/)[0] ?? '', line: number + 1, code: [] }
    } else if (open === undefined) prose.push({ text, number })
    else if (mark.startsWith(open.mark) && info.trim() === '') {
      fences.push({ language: open.language, code: open.code.join('\n'), line: open.line })
      open = undefined
    } else open.code.push(text)
  }
  if (open !== undefined) throw new Error(`The fence of line ${open.line - 1} is never closed.`)
  return { fences, prose }
}
