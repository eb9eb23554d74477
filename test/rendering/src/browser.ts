/** A browser page around server-rendered HTML, and what went wrong in it. */
import { vi } from 'vitest'

/** What a test waits for and looks at. */
export interface Page {
  readonly root: HTMLElement
  /** What the frameworks had to complain about. */
  readonly complaints: unknown[]
}

/** Puts HTML into the document, as a browser does that received it. */
export function openPage(html: string): Page {
  const root = document.createElement('div')
  root.innerHTML = html
  document.body.append(root)
  const complaints: unknown[] = []
  for (const method of ['error', 'warn'] as const)
    vi.spyOn(console, method).mockImplementation((...words) => void complaints.push(words.join(' ')))
  return { root, complaints }
}
