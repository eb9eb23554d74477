/** A session of WebDriver (https://www.w3.org/TR/webdriver2/) over plain HTTP: a browser with its windows. */

import { setTimeout as sleep } from 'node:timers/promises'

/** The key under which WebDriver hands out an element. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'

/** Milliseconds that a command may take. */
const PATIENCE_MS = 20_000
/** Milliseconds between two looks at a promise. */
const LOOK_MS = 20

/**
 * Says what an expression is, or that it is a promise, whose outcome can be asked for. WebDriver has a command that waits for
 * promises; in WebKit it waits for ever where the page is left meanwhile and kept for the back button.
 */
const BEGIN = (expression: string): string => `
  const value = (${expression})
  if (!(value instanceof Promise)) return { value }
  const outcome = (window.outcome = {})
  value.then((value) => (outcome.is = { value }), (error) => (outcome.is = { error: String(error) }))
  return {}`

/** What became of an expression; nothing yet where it is neither. */
type Outcome = { readonly value?: unknown } | { readonly error: string }

/** A session. Commands are put one after another, because each of them is for the window that was chosen last. */
export class WebDriverSession {
  readonly #url: string
  #queue: Promise<unknown> = Promise.resolve()
  #window = ''

  private constructor(url: string) {
    this.#url = url
  }

  /** Starts a browser of its own at a driver that listens. */
  static async start(driver: string): Promise<WebDriverSession> {
    const { sessionId } = (await request('POST', `${driver}/session`, {
      capabilities: { alwaysMatch: { timeouts: { pageLoad: PATIENCE_MS } } },
    })) as { sessionId: string }
    return new WebDriverSession(`${driver}/session/${sessionId}`)
  }

  /** The window the browser has begun with. */
  async firstWindow(): Promise<string> {
    return (await this.#alone(() => this.#ask('GET', 'window'))) as string
  }

  async openWindow(type: 'tab' | 'window'): Promise<string> {
    const { handle } = (await this.#alone(() => this.#ask('POST', 'window/new', { type }))) as { handle: string }
    return handle
  }

  async closeWindow(window: string): Promise<void> {
    await this.#in(window, () => this.#ask('DELETE', 'window'))
    this.#window = ''
  }

  async goto(window: string, url: string): Promise<void> {
    await this.#in(window, () => this.#ask('POST', 'url', { url }))
  }

  async reload(window: string): Promise<void> {
    await this.#in(window, () => this.#ask('POST', 'refresh', {}))
  }

  async goBack(window: string): Promise<void> {
    await this.#in(window, () => this.#ask('POST', 'back', {}))
  }

  /** Does something to the first element that matches. */
  async act(window: string, selector: string, command: string, parameters: object): Promise<void> {
    await this.#in(window, async () => {
      const found = (await this.#ask('POST', 'element', { using: 'css selector', value: selector })) as {
        [ELEMENT]: string
      }
      await this.#ask('POST', `element/${found[ELEMENT]}/${command}`, parameters)
    })
  }

  async evaluate(window: string, expression: string): Promise<unknown> {
    const end = performance.now() + PATIENCE_MS
    return await this.#in(window, async () => {
      let script = BEGIN(expression)
      for (;;) {
        const outcome = (await this.#ask('POST', 'execute/sync', { script, args: [] })) as Outcome
        if ('error' in outcome) throw new Error(outcome.error)
        if ('value' in outcome) return outcome.value
        if (performance.now() > end) throw new Error(`Not settled within ${PATIENCE_MS} ms: ${expression}`)
        script = 'return window.outcome.is ?? {}'
        await sleep(LOOK_MS)
      }
    })
  }

  /** Ends the browser. */
  async end(): Promise<void> {
    await this.#alone(() => this.#ask('DELETE', ''))
  }

  #in<TResult>(window: string, work: () => Promise<TResult>): Promise<TResult> {
    return this.#alone(async () => {
      if (this.#window !== window) await this.#ask('POST', 'window', { handle: window })
      this.#window = window
      return await work()
    })
  }

  #alone<TResult>(work: () => Promise<TResult>): Promise<TResult> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => {})
    return result
  }

  #ask(method: string, path: string, body?: object): Promise<unknown> {
    return request(method, path ? `${this.#url}/${path}` : this.#url, body)
  }
}

async function request(method: string, url: string, body?: object): Promise<unknown> {
  // Longer than what the browser is given, which knows better what went wrong.
  const signal = AbortSignal.timeout(PATIENCE_MS * 1.5)
  const response = await fetch(url, { method, signal, ...(body && { body: JSON.stringify(body) }) })
  const { value } = (await response.json()) as { value: unknown }
  if (response.ok) return value
  const { error, message } = value as { error: string; message: string }
  throw new Error(`WebDriver: ${error}: ${message}`)
}
