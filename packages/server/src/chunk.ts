/** Text on its way to connections: one object for all that get the same. */
export class Chunk {
  readonly text: string
  #make: ((text: string) => unknown) | undefined
  #made: unknown

  constructor(text: string) {
    this.text = text
  }

  /**
   * What a host makes of the text, such as a frame in bytes: made for the first connection, and the same object for the
   * others. One form is kept, because one host writes.
   * @param make the same function each time
   */
  as<TForm>(make: (text: string) => TForm): TForm {
    if (this.#make !== make) {
      this.#make = make
      this.#made = make(this.text)
    }
    return this.#made as TForm
  }
}
