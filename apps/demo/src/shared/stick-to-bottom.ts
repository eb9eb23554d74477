// Keeps a scrolling list at its end while the reader is there, and leaves it alone once the reader has scrolled up.

const NEAR_PX = 32

/** A list that is being kept at its end. */
export interface Sticking {
  readonly toBottom: () => void
  readonly release: () => void
}

/**
 * @param scroller the element that scrolls; its first child is the list
 * @param onUnread told how many lines came in below the part the reader is looking at
 */
export function stickToBottom(scroller: HTMLElement, onUnread: (count: number) => void): Sticking {
  const list = scroller.firstElementChild ?? scroller
  let stuck = true
  let unread = 0

  const toBottom = (): void => scroller.scrollTo({ top: scroller.scrollHeight })
  const count = (next: number): void => {
    if (next !== unread) onUnread(next)
    unread = next
  }
  const onScroll = (): void => {
    stuck = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX
    if (stuck) count(0)
  }
  const onAdded = (records: MutationRecord[]): void => {
    if (stuck) toBottom()
    else count(unread + records.flatMap(({ addedNodes }) => [...addedNodes]).filter(isElement).length)
  }

  const mutations = new MutationObserver(onAdded)
  mutations.observe(list, { childList: true })
  const sizes = new ResizeObserver(() => stuck && toBottom())
  sizes.observe(scroller)
  scroller.addEventListener('scroll', onScroll, { passive: true })
  toBottom()

  return {
    toBottom,
    release() {
      mutations.disconnect()
      sizes.disconnect()
      scroller.removeEventListener('scroll', onScroll)
    },
  }
}

/** Frameworks put text and comment nodes between elements as their own marks. */
function isElement(node: Node): boolean {
  return node instanceof Element
}
