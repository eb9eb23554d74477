// One component of a page twice in one document: as React has it and as Vue has it.

import { type ComponentType, createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { expect } from 'vitest'
import { type Component, createApp } from 'vue'

/** The two, mounted. */
export interface Pair {
  readonly react: HTMLElement
  readonly vue: HTMLElement
  /** Waits until the elements of a selector say this, in both. */
  shows(selector: string, texts: readonly string[]): Promise<void>
  /** Clicks on the first button of one of them, once it is there. */
  click(side: 'react' | 'vue'): Promise<void>
  unmount(): void
}

/** Mounts both with the same props. */
export function mountBoth(react: ComponentType<object>, vue: Component, props: object): Pair {
  const [left, right] = [document.createElement('div'), document.createElement('div')]
  document.body.append(left, right)
  const root = createRoot(left)
  root.render(createElement(react, props))
  const app = createApp(vue, { ...props })
  app.mount(right)
  return {
    react: left,
    vue: right,
    async shows(selector, texts) {
      await expect.poll(() => textsOf(left, selector), { timeout: 5000 }).toEqual(texts)
      await expect.poll(() => textsOf(right, selector), { timeout: 5000 }).toEqual(texts)
    },
    async click(side) {
      const button = () => (side === 'react' ? left : right).querySelector('button')
      await expect.poll(button).not.toBeNull()
      button()?.click()
    },
    unmount() {
      root.unmount()
      app.unmount()
      left.remove()
      right.remove()
    },
  }
}

/** The texts of elements, without the white space that HTML does not show. */
function textsOf(parent: HTMLElement, selector: string): string[] {
  return [...parent.querySelectorAll(selector)].map((element) =>
    (element.textContent ?? '').replaceAll(/\s+/g, ' ').trim(),
  )
}
