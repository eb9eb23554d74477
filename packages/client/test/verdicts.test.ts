import type { WireName } from '@triwire/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { browserStore } from '../src/verdict-store.ts'
import { type VerdictStore, Verdicts } from '../src/verdicts.ts'

const ALL: readonly WireName[] = ['websocket', 'sse', 'polling']
const SSE_FIRST = ['sse', 'polling', 'websocket']
const MINUTES = 60_000

function createStore(text: string | null = null): VerdictStore & { text: string | null } {
  return {
    text,
    read() {
      return this.text
    },
    write(next) {
      this.text = next
    },
  }
}

describe('verdicts', () => {
  it('begin with the best wire where nothing is known', () => {
    expect(new Verdicts(createStore()).order(ALL, 0)).toEqual(ALL)
  })

  it('begin with the wire that was welcomed where better ones were not, for ten minutes', () => {
    const verdicts = new Verdicts(createStore())
    verdicts.handleWelcome('sse', ALL, 0)
    expect(verdicts.order(ALL, 10 * MINUTES - 1)).toEqual(SSE_FIRST)
    expect(verdicts.order(ALL, 10 * MINUTES)).toEqual(ALL)
  })

  it('are forgotten when the best wire works', () => {
    const verdicts = new Verdicts(createStore())
    verdicts.handleWelcome('sse', ALL, 0)
    verdicts.handleWelcome('websocket', ALL, 1)
    expect(verdicts.order(ALL, 2)).toEqual(ALL)
  })

  it('survive a reload, and are written only when they change', () => {
    const store = createStore()
    const write = vi.spyOn(store, 'write')
    const verdicts = new Verdicts(store)
    expect(verdicts.order(ALL, 0)).toEqual(ALL)
    verdicts.handleWelcome('websocket', ALL, 0)
    expect(write).not.toHaveBeenCalled()
    verdicts.handleWelcome('sse', ALL, 0)
    expect(new Verdicts(store).order(ALL, 1)).toEqual(SSE_FIRST)
  })

  it.each(['', 'sse', 'sse soon', 'carrier-pigeon 5000', 'sse 999999999999', '__proto__ 5000', '{"wire":"sse"}'])(
    'are not misled by %j in the store',
    (text) => {
      expect(new Verdicts(createStore(text)).order(ALL, 1000)).toEqual(ALL)
    },
  )

  it('ignore a wire that may not be used', () => {
    const verdicts = new Verdicts(createStore('sse 5000'))
    expect(verdicts.order(['websocket', 'polling'], 1000)).toEqual(['websocket', 'polling'])
  })

  it('demote a wire by three young deaths in a row, and not by deaths of old age', () => {
    const verdicts = new Verdicts(createStore())
    for (const livedMs of [100, 9999, 10_000, 100, 9999]) verdicts.handleDeath('websocket', livedMs, ALL, 0)
    expect(verdicts.order(ALL, 0)).toEqual(ALL)
    verdicts.handleDeath('websocket', 100, ALL, 0)
    expect(verdicts.order(ALL, 0)).toEqual(SSE_FIRST)
  })

  it('never demote the last wire', () => {
    const verdicts = new Verdicts(createStore())
    for (let death = 0; death < 9; death++) verdicts.handleDeath('polling', 100, ALL, 0)
    expect(verdicts.order(ALL, 0)).toEqual(ALL)
  })

  it('hold nothing against a wire that died while everything failed', () => {
    const verdicts = new Verdicts(createStore())
    for (let death = 0; death < 9; death++) {
      verdicts.handleDeath('websocket', 100, ALL, 0)
      verdicts.handleOffline()
    }
    expect(verdicts.order(ALL, 0)).toEqual(ALL)
  })
})

describe('the store of a browser', () => {
  afterEach(() => void vi.unstubAllGlobals())

  it('keeps one verdict per server', () => {
    const items = new Map<string, string>()
    const localStorage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, text: string) => void items.set(key, text),
    }
    vi.stubGlobal('window', { localStorage })
    browserStore('/rt').write('sse 5000')
    expect(browserStore('/rt').read()).toBe('sse 5000')
    expect(browserStore('https://other.test/rt').read()).toBeNull()
  })

  it('keeps nothing, and throws nothing, where there is no storage or it is forbidden', () => {
    browserStore('/rt').write('sse 5000')
    expect(browserStore('/rt').read()).toBeNull()
    vi.stubGlobal('window', {
      get localStorage(): never {
        throw new DOMException('denied', 'SecurityError')
      },
    })
    browserStore('/rt').write('sse 5000')
    expect(browserStore('/rt').read()).toBeNull()
  })
})
