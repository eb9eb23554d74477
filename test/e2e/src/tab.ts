/**
 * A browser as the tests need it, whichever it is: what a person does with a page, and code that runs in it. Elements
 * are named by CSS selectors, and everything that is read is read by an expression, because that is what all drivers have
 * in common. An expression is text: what runs in a page is not checked against Node.
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** One page. */
export interface Tab {
  goto(url: string): Promise<void>
  reload(): Promise<void>
  /** Presses the back button. */
  goBack(): Promise<void>
  /** Clicks the first element that matches, once it is there and enabled. */
  click(selector: string): Promise<void>
  /** Types into an input, key by key. */
  type(selector: string, text: string): Promise<void>
  /** Presses the Enter key in an input. */
  enter(selector: string): Promise<void>
  /** The value of an expression in the page, or what its promise resolves with, as JSON carries it. */
  evaluate(expression: string): Promise<unknown>
  /** Stops everything that runs in it, as browsers do with tabs that nobody has looked at for long, or lets it go on. */
  setFrozen(isFrozen: boolean): Promise<void>
  /** Moves the clock of a page that was opened with one of its own; what was due meanwhile is done once. */
  advance(ms: number): Promise<void>
  /** Errors that nobody caught in this page. WebDriver sees those from the moment on that the page has loaded. */
  problems(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Tabs that share storage and connections, and share nothing with other profiles. */
export interface Profile {
  /** @param ownClock whether time in the page can be moved */
  open(url: string, ownClock?: boolean): Promise<Tab>
  /** Opens a page in a tab that another one covers; returns it with how to close that one. */
  openCovered(url: string): Promise<readonly [tab: Tab, uncover: () => Promise<void>]>
  /** Has the browser take itself for offline, as where the network is switched off. */
  setOffline(isOffline: boolean): Promise<void>
  close(): Promise<void>
}

/** A browser that runs. */
export interface Browser {
  createProfile(): Promise<Profile>
  /** Stops all its processes where they are, as closing the lid of a laptop does. */
  sleep(): void
  wake(): void
  close(): Promise<void>
}

/**
 * What some engines do, or let be done to them, and others do not: a page that was left is kept as it is for the back
 * button, and what the methods of the same names say.
 */
export type Ability = 'keep' | 'openCovered' | 'setOffline' | 'setFrozen' | 'advance'

/** A browser that could. */
export interface Engine {
  readonly name: string
  /** Why it does not do this; what needs it is left out for this engine. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>
  /** Why it cannot run here, and what to do about it; undefined where it can. */
  readonly missing: string | undefined
  launch(): Promise<Browser>
}

/** Milliseconds that something on a page may take, and between two looks at it. */
const PATIENCE_MS = 20_000
const LOOK_MS = 40

/**
 * Waits until an expression is true. It is asked again and again from outside: a page that is hidden, or that is being
 * left, keeps no promise.
 *
 * @throws after 20 s, with what the page shows instead
 */
export async function waitUntil(tab: Tab, expression: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  let trouble: unknown
  for (;;) {
    try {
      if (await tab.evaluate(expression)) return
      trouble = undefined
    } catch (error) {
      trouble = error
    }
    if (performance.now() > end) break
    await sleep(LOOK_MS)
  }
  const shown = await tab.evaluate('document.body.innerText').catch(String)
  throw new Error(`Not so within ${PATIENCE_MS} ms: ${expression}. The page shows:\n${shown}`, { cause: trouble })
}

/** Waits until an element is shown, with a text where one is given: all of it, or a part by a pattern. */
export function waitForShown(tab: Tab, selector: string, text: string | RegExp = /^/): Promise<void> {
  const fits = text instanceof RegExp ? `${text}.test(shown)` : `shown === ${JSON.stringify(text)}`
  return waitUntil(
    tab,
    `[...document.querySelectorAll(${JSON.stringify(selector)})].some((element) => {
      const shown = element.textContent.trim()
      return element.checkVisibility() && element.getClientRects().length > 0 && ${fits}
    })`,
  )
}

/** The texts of all elements that match, in order. */
export async function textsOf(tab: Tab, selector: string): Promise<readonly string[]> {
  const expression = `[...document.querySelectorAll(${JSON.stringify(selector)})].map(({ textContent }) => textContent)`
  return (await tab.evaluate(expression)) as readonly string[]
}

/** Where an element with this `data-testid` is, below the one before. */
export function byTestId(...names: readonly string[]): string {
  return names.map((name) => `[data-testid="${name}"]`).join(' ')
}
