/** What the handlers under test remember: the database that all nodes of an app share. */

/** The database. */
export class Database {
  readonly totals: Map<string, number> = new Map()
  readonly marks: Map<string, string> = new Map()
  /** Clubs with the users who may not be in them. */
  readonly expelled: Set<string> = new Set()
  /** Users who may not be anywhere. */
  readonly banned: Set<string> = new Set()
  readonly #gates = new Map<string, Gate>()

  add(id: string, by: number): number {
    const total = (this.totals.get(id) ?? 0) + by
    this.totals.set(id, total)
    return total
  }

  /** What one command waits for until another one opens it. */
  gate(name: string): Gate {
    const known = this.#gates.get(name) ?? new Gate()
    this.#gates.set(name, known)
    return known
  }
}

class Gate {
  readonly opened: Promise<void>
  open: () => void = () => {}

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve
    })
  }
}
