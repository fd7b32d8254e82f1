import type { Fail } from './pickle-globals.js'

/**
 * How much a file may make of itself: a few bytes can ask, call by call, for copies without end. What is made once of each byte passes; what
 * is made again and again does not.
 */
export class Budget {
  #left: number

  /** @param fileBytes of the file, or of the part that describes the rest */
  constructor(
    fileBytes: number,
    private readonly fail: Fail,
  ) {
    this.#left = 16 * fileBytes + 1_000_000
  }

  /** @param amount bytes, or items of a list */
  take(amount: number): void {
    this.#left -= amount
    if (this.#left < 0)
      throw this.fail('it copies the same values again and again. The file is made to exhaust its reader.')
  }
}
