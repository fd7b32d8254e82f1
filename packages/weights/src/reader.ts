import { fromCodes } from './char-codes.js'
import type { Fail } from './pickle-globals.js'

/** Reads little-endian values one after another; never past the end. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #fail: Fail

  constructor(
    bytes: Uint8Array,
    public at: number,
    fail: Fail,
  ) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fail = fail
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  /** A size: beyond 2⁵³ there is no such file. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true))
  }

  /** Big-endian. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), false)
  }

  utf8(length: number): string {
    return new TextDecoder().decode(this.bytes(length))
  }

  latin1(length: number): string {
    return fromCodes(this.bytes(length))
  }

  /** Up to a line feed, without it. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.at)
    if (end < 0) throw this.#fail(`byte ${this.at}: expected a line. The file is cut short: fetch it again.`)
    const text = this.utf8(end - this.at)
    this.at++
    return text
  }

  #take(length: number): number {
    const start = this.at
    if (length > this.#bytes.length - start) {
      const left = Math.max(0, this.#bytes.length - start)
      throw this.#fail(
        `byte ${start}: expected ${length} bytes, ${left} are left. The file is cut short or damaged: fetch it again.`,
      )
    }
    this.at += length
    return start
  }
}
