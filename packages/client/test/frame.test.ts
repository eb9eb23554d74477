import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Cell } from '../src/cell.ts'
import { cancelFrame, onNextFrame } from '../src/frame.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.runOnlyPendingTimers()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const nextFrame = (): void => void vi.advanceTimersByTime(16)

describe('a frame', () => {
  it('calls back once, however often it was asked to', () => {
    const callback = vi.fn()
    for (let count = 0; count < 1000; count++) onNextFrame(callback)
    expect(callback).not.toHaveBeenCalled()
    nextFrame()
    expect(callback).toHaveBeenCalledTimes(1)
    nextFrame()
    expect(callback).toHaveBeenCalledTimes(1)
  })

  it('calls everybody in one timer', () => {
    const callbacks = Array.from({ length: 50 }, () => vi.fn())
    for (const callback of callbacks) onNextFrame(callback)
    expect(vi.getTimerCount()).toBe(1)
    nextFrame()
    for (const callback of callbacks) expect(callback).toHaveBeenCalledTimes(1)
  })

  it('leaves what is asked for meanwhile to the next frame', () => {
    const again = vi.fn(() => {
      if (again.mock.calls.length < 2) onNextFrame(again)
    })
    onNextFrame(again)
    nextFrame()
    expect(again).toHaveBeenCalledTimes(1)
    nextFrame()
    expect(again).toHaveBeenCalledTimes(2)
  })

  it('forgets a callback', () => {
    const callback = vi.fn()
    onNextFrame(callback)
    cancelFrame(callback)
    nextFrame()
    expect(callback).not.toHaveBeenCalled()
  })

  it('calls everybody else when one of them throws', () => {
    const report = vi.fn()
    vi.stubGlobal('reportError', report)
    const callback = vi.fn()
    onNextFrame(() => {
      throw new Error('a listener failed')
    })
    onNextFrame(callback)
    nextFrame()
    expect(callback).toHaveBeenCalledTimes(1)
    expect(report).toHaveBeenCalledWith(expect.objectContaining({ message: 'a listener failed' }))
  })

  it('waits for the painting of a page that is seen, and takes a timer for one that is not', () => {
    const paints: (() => void)[] = []
    vi.stubGlobal('requestAnimationFrame', (paint: () => void) => paints.push(paint))
    vi.stubGlobal('document', { visibilityState: 'visible' })
    const callback = vi.fn()
    onNextFrame(callback)
    nextFrame()
    expect(callback).not.toHaveBeenCalled()
    paints.shift()?.()
    expect(callback).toHaveBeenCalledTimes(1)

    vi.stubGlobal('document', { visibilityState: 'hidden' })
    onNextFrame(callback)
    expect(paints).toHaveLength(0)
    nextFrame()
    expect(callback).toHaveBeenCalledTimes(2)
  })

  it('does not wait for a paint that never comes because the page was hidden meanwhile', () => {
    const paints: (() => void)[] = []
    vi.stubGlobal('requestAnimationFrame', (paint: () => void) => paints.push(paint))
    vi.stubGlobal('document', { visibilityState: 'visible' })
    const callback = vi.fn()
    onNextFrame(callback)
    vi.advanceTimersByTime(2000)
    expect(callback).toHaveBeenCalledTimes(1)
    paints.shift()?.()
    expect(callback).toHaveBeenCalledTimes(1)
  })
})

describe('a cell', () => {
  function createCell() {
    let value = 0
    const start = vi.fn()
    const stop = vi.fn()
    const cell = new Cell({ value }, () => ({ value }), { start, stop })
    const set = (next: number): void => {
      value = next
      cell.invalidate()
    }
    return { cell, set, start, stop }
  }

  it('has no effect before it is watched', () => {
    const { cell, start } = createCell()
    expect(cell.getSnapshot()).toEqual({ value: 0 })
    expect(start).not.toHaveBeenCalled()
  })

  it('tells listeners once per frame, with the newest value', () => {
    const { cell, set } = createCell()
    const seen: number[] = []
    cell.subscribe(() => seen.push(cell.getSnapshot().value))
    for (let value = 1; value <= 1000; value++) set(value)
    expect(cell.getSnapshot()).toEqual({ value: 0 })
    nextFrame()
    expect(seen).toEqual([1000])
  })

  it('does not tell of a value that has not changed', () => {
    const { cell, set } = createCell()
    const listener = vi.fn()
    cell.subscribe(listener)
    set(1)
    set(0)
    nextFrame()
    expect(listener).not.toHaveBeenCalled()
  })

  it('starts with the first listener and stops a second after the last one', () => {
    const { cell, start, stop } = createCell()
    const first = cell.subscribe(() => {})
    const second = cell.subscribe(() => {})
    expect(start).toHaveBeenCalledTimes(1)
    first()
    vi.advanceTimersByTime(5000)
    expect(stop).not.toHaveBeenCalled()
    second()
    vi.advanceTimersByTime(999)
    expect(stop).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(stop).toHaveBeenCalledTimes(1)
  })

  it('goes on when somebody comes back within that second', () => {
    const { cell, start, stop } = createCell()
    cell.subscribe(() => {})()
    vi.advanceTimersByTime(500)
    const leave = cell.subscribe(() => {})
    vi.advanceTimersByTime(5000)
    expect(start).toHaveBeenCalledTimes(1)
    expect(stop).not.toHaveBeenCalled()
    leave()
    vi.advanceTimersByTime(1000)
    expect(stop).toHaveBeenCalledTimes(1)
  })

  it('stops once though a listener leaves twice', () => {
    const { cell, stop } = createCell()
    const leave = cell.subscribe(() => {})
    leave()
    vi.advanceTimersByTime(600)
    leave()
    vi.advanceTimersByTime(400)
    expect(stop).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets one function listen twice', () => {
    const { cell, set } = createCell()
    const listener = vi.fn()
    const leave = cell.subscribe(listener)
    cell.subscribe(listener)
    set(1)
    nextFrame()
    expect(listener).toHaveBeenCalledTimes(2)
    leave()
    set(2)
    nextFrame()
    expect(listener).toHaveBeenCalledTimes(3)
  })
})
