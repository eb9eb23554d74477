/**
 * One turn of the event loop. What is written in it goes out at its end, one write per connection: a burst of events costs
 * one system call each, not one per event, and nothing waits where nothing else comes.
 */
import { Batch } from './batch.ts'
import { defer } from './defer.ts'

/** Who has written something in this turn. */
export interface TurnMember {
  /** The turn is over. Called once per `join`. */
  handleTurn(): void
}

/** The turns of one node, one after another. */
export class Turn {
  #start = Batch.empty()
  #members: TurnMember[] = []

  /** What everybody begins with: lines that are added to it by one are found by the next. */
  get start(): Batch {
    return this.#start
  }

  /** Has `handleTurn` called when this turn is over. */
  join(member: TurnMember): void {
    if (this.#members.push(member) === 1) defer(() => this.#end())
  }

  #end(): void {
    const members = this.#members
    this.#members = []
    this.#start = Batch.empty()
    for (const member of members) {
      try {
        member.handleTurn()
      } catch (error) {
        // The others are other people's connections; the error goes where uncaught ones go.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
