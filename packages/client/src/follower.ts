/**
 * Somebody who follows a channel from a place of its own. Several of them share one subscription and may begin at
 * different positions; each is given every event behind its own once and in order, whatever the others have asked for.
 */
import {
  type Cursor,
  type Delivery,
  formatCursor,
  parseCursor,
  type TriwireError,
  type Want,
} from '@triwire/protocol'

/** The follower. */
export class Follower {
  readonly want: Want
  /** The position of the last event it was given; undefined until it has begun. */
  position: Cursor | undefined
  /** Whether it waits for a snapshot to begin from. What it had before stays until then. */
  awaitsSnapshot = false
  /** Why it could not follow. */
  error: TriwireError | undefined
  /** Called when anything of the channel may have changed. */
  readonly handleChange: () => void
  readonly #handle: (delivery: Delivery) => void
  /** The join whose `start` is its own; Infinity once it has begun. */
  #join = 0
  /**
   * It was told of a gap and has not begun behind it: where that ends, if it is a newcomer's, which more may be missing
   * behind. Otherwise '': what everybody was told of says where everybody goes on.
   */
  #gapEnd: string | undefined

  /** @param handle takes `start` (begin anew), `snapshot`, `event`, `gap`, signals and their refusals, as far as they are its own */
  constructor(want: Want, handle: (delivery: Delivery) => void, handleChange: () => void) {
    this.want = want
    this.#handle = handle
    this.handleChange = handleChange
  }

  /** Starts over: waits for the join of this number, unless it begins at `position` or cannot begin at all. */
  reset(join: number, position?: Cursor, error?: TriwireError): void {
    this.position = position
    this.#gapEnd = undefined
    this.awaitsSnapshot = false
    this.error = error
    this.#join = position === undefined ? join : Number.POSITIVE_INFINITY
  }

  /** Begins behind a position. */
  begin(at: Cursor): void {
    this.position = at
    this.awaitsSnapshot = false
    this.#join = Number.POSITIVE_INFINITY
  }

  handleDelivery(delivery: Delivery): void {
    if (this.#takes(delivery)) {
      this.#handle(this.#fromHere(delivery))
      if (delivery.type === 'gap') this.#gapEnd = (!delivery.everybody && delivery.to) || ''
    }
    this.handleChange()
  }

  /** A gap begins where this one stands, who may not have come as far as the others, or where its last one ended. */
  #fromHere(delivery: Delivery): Delivery {
    const { position } = this
    if (delivery.type !== 'gap' || position === undefined) return delivery
    if (this.#gapEnd !== undefined)
      return delivery.everybody || this.#gapEnd === '' ? delivery : { ...delivery, from: this.#gapEnd }
    const { epoch, offset } = parseCursor(delivery.from)
    return epoch === position.epoch && position.offset < offset
      ? { ...delivery, from: formatCursor(position) }
      : delivery
  }

  /** Where it begins in a stay that begins at `at`: not before its own cursor, as others may have asked for more. */
  #beginningFrom(at: Cursor): Cursor {
    const after = this.want.after === undefined ? at : parseCursor(this.want.after)
    return after.epoch === at.epoch && after.offset > at.offset ? after : at
  }

  /** Whether it brought a state along, and this stay leads on from there: then it needs no snapshot. */
  #resumesIn(who: 'anew' | 'gap' | 'newcomers', at: Cursor): boolean {
    if (this.want.after === undefined || this.position !== undefined || who === 'gap') return false
    const after = parseCursor(this.want.after)
    return after.epoch === at.epoch && at.offset <= after.offset
  }

  #takes(delivery: Delivery): boolean {
    const { position } = this
    switch (delivery.type) {
      case 'start': {
        const { who, number, at } = delivery
        // Who was told of a gap while it was brought up to the others begins behind it, whoever has asked.
        if (who === 'newcomers' && number < this.#join && this.#gapEnd === undefined) return false
        const resumes = this.#gapEnd === undefined && this.#resumesIn(who, at)
        this.#gapEnd = undefined
        if (this.want.snapshot && !resumes) {
          this.awaitsSnapshot = true
          return false
        }
        this.begin(who === 'gap' ? at : this.#beginningFrom(at))
        // Behind a gap, which the app has been told of, the state goes on.
        return who !== 'gap' || position === undefined
      }
      case 'snapshot':
        return this.awaitsSnapshot
      case 'event': {
        const { cursor } = delivery
        if (position === undefined || this.awaitsSnapshot || this.#gapEnd !== undefined) return false
        if (cursor.epoch === position.epoch && cursor.offset <= position.offset) return false
        this.position = cursor
        return true
      }
      case 'gap': {
        const { everybody, from, to } = delivery
        const at = position === undefined ? '' : formatCursor(position)
        const end = this.#gapEnd
        // Who stands where it ends has begun behind it, or was told of it.
        if (to !== undefined && (to === at || to === end)) return false
        // Where not everybody misses something, those do who have been brought to where it begins, or who wait.
        const waits = this.want.after !== undefined && this.#join < Number.POSITIVE_INFINITY
        if (everybody || waits || end === undefined) return everybody || waits || from === at
        return end !== '' && to !== undefined && (from === at || from === end)
      }
      default:
        return delivery.type === 'signal' || (delivery.type === 'refused' && delivery.of === 'sig')
    }
  }
}
