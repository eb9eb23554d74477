// A session with one target of a browser by the protocol of the developer tools, through the session that Playwright has with
// the browser: Playwright has none of its own for targets it does not know
// (https://chromedevtools.github.io/devtools-protocol/tot/Target/).

import type { CDPSession } from 'playwright-core'

/** What a method takes, or answers. */
type Fields = Readonly<Record<string, unknown>>

interface Message {
  readonly id?: number
  readonly method?: string
  readonly result?: Fields
  readonly error?: { readonly message: string }
}

/** The session. */
export class DevtoolsSession {
  readonly #browser: CDPSession
  readonly #sessionId: string
  readonly #waiting = new Map<number, (answer: Message) => void>()
  readonly #listeners = new Map<string, () => void>()
  #next = 1

  private constructor(browser: CDPSession, sessionId: string) {
    this.#browser = browser
    this.#sessionId = sessionId
    browser.on('Target.receivedMessageFromTarget', (event) => {
      if (event.sessionId === sessionId) this.#handle(JSON.parse(event.message) as Message)
    })
  }

  /** Attaches to a target. */
  static async attach(browser: CDPSession, targetId: string): Promise<DevtoolsSession> {
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId })
    return new DevtoolsSession(browser, sessionId)
  }

  /** Calls a method. Rejects where the browser refuses it. */
  send(method: string, params: Fields = {}): Promise<Fields> {
    return new Promise((resolve, reject) => {
      const id = this.#next++
      this.#waiting.set(id, ({ result = {}, error }) => {
        if (error === undefined) resolve(result)
        else reject(new Error(`${method}: ${error.message}`))
      })
      const message = JSON.stringify({ id, method, params })
      this.#browser.send('Target.sendMessageToTarget', { sessionId: this.#sessionId, message }).catch(reject)
    })
  }

  /** Calls back for every event of this name. */
  on(event: string, listener: () => void): void {
    this.#listeners.set(event, listener)
  }

  #handle(message: Message): void {
    const { id, method = '' } = message
    if (id === undefined) this.#listeners.get(method)?.()
    else {
      this.#waiting.get(id)?.(message)
      this.#waiting.delete(id)
    }
  }
}
