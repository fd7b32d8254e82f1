import { philoxBlock } from './philox.js'

/** Draws from one stream. Each call moves the stream on; two streams of one key give the same draws. */
export interface Draws {
  /** A real in [low, high), 53 random bits (multiples of 2⁻⁵³ of the width). Default [0, 1). */
  uniform(low?: number, high?: number): number
  /** A whole number in [low, highExclusive), each equally likely: by rejection, not by remainder alone. */
  integer(low: number, highExclusive: number): number
  /** A standard normal by Box-Muller in float64: within ±8.6, never truncated or resampled. */
  normal(): number
}

// The second counter word tells what a block is for: draws leave the two top bits clear, keys set one of them.
const NUMBER_TAG = 0x40000000
const STRING_TAG = 0x80000000

/**
 * The stream of random numbers that belongs to a seed and a path, whatever was drawn elsewhere and in which order.
 *
 *     const draws = stream(seed, 'crop', epoch, sample, view)
 *
 * Every part of the path is folded into a 128-bit state by Philox4x32-10, numbers and strings apart (`1` is not
 * `'1'`) and strings with their length (`'ab', 'c'` is not `'a', 'bc'`). Seed 0 is a seed like any other.
 *
 * @param seed a whole number from 0 to 2⁵³ - 1
 * @param path whole numbers from 0 to 2⁵³ - 1, and strings
 * @throws RangeError for a negative, fractional, too large or missing seed or number
 */
export function stream(seed: number, ...path: (number | string)[]): Draws {
  const state = new Uint32Array(4) // key 0, key 1, counter 2, counter 3
  foldNumber(state, seed, 'seed')
  for (const part of path) {
    if (typeof part === 'string') foldString(state, part)
    else foldNumber(state, part, 'path number')
  }
  return new PhiloxDraws(state)
}

class PhiloxDraws implements Draws {
  readonly #state: Uint32Array
  readonly #block = new Uint32Array(4)
  #blocks = 0 // blocks drawn so far
  #used = 4 // words used of the present block
  #spare: number | undefined // Box-Muller makes two normals

  constructor(state: Uint32Array) {
    this.#state = state
  }

  uniform(low = 0, high = 1): number {
    if (!(low <= high && high - low < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`uniform: expected finite bounds with low <= high, got [${low}, ${high}). Swap them?`)
    }
    const x = low + (high - low) * this.#fraction()
    return x < high ? x : low // rounding may reach high, which is outside
  }

  integer(low: number, highExclusive: number): number {
    const width = highExclusive - low
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(highExclusive) || !(width > 0 && width <= 2 ** 53)) {
      throw new RangeError(
        `integer: expected whole numbers with low < highExclusive, got [${low}, ${highExclusive}). ` +
          'The upper bound itself is never drawn: add 1 to include it.',
      )
    }
    const range = width <= 2 ** 32 ? 2 ** 32 : 2 ** 53
    const fair = range - (range % width) // the largest multiple of width: above it, low results would be favoured
    let x: number
    do x = range === 2 ** 32 ? this.#word() : this.#fraction() * 2 ** 53
    while (x >= fair)
    return low + (x % width)
  }

  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare
      this.#spare = undefined
      return spare
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.#fraction())) // 1 - u is in (0, 1]
    const angle = 2 * Math.PI * this.#fraction()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /** [0, 1) in steps of 2⁻⁵³: 27 bits of one word, 26 of the next. */
  #fraction(): number {
    const high = this.#word() >>> 5
    return (high * 2 ** 26 + (this.#word() >>> 6)) / 2 ** 53
  }

  #word(): number {
    if (this.#used === 4) {
      this.#block[0] = this.#blocks
      this.#block[1] = Math.floor(this.#blocks / 2 ** 32)
      this.#block[2] = this.#state[2]!
      this.#block[3] = this.#state[3]!
      philoxBlock(this.#block, this.#state[0]!, this.#state[1]!)
      this.#blocks++
      this.#used = 0
    }
    return this.#block[this.#used++]!
  }
}

function foldNumber(state: Uint32Array, value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `stream: expected a ${what} that is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, got ${value}.`,
    )
  }
  fold(state, value, (Math.floor(value / 2 ** 32) | NUMBER_TAG) >>> 0)
}

function foldString(state: Uint32Array, text: string): void {
  fold(state, text.length, STRING_TAG)
  for (let i = 0; i < text.length; i += 4) fold(state, codes(text, i), codes(text, i + 2))
}

/** Two UTF-16 code units in a word; past the end, zeros (the length was folded before). */
function codes(text: string, i: number): number {
  const first = i < text.length ? text.charCodeAt(i) : 0
  const second = i + 1 < text.length ? text.charCodeAt(i + 1) : 0
  return ((second << 16) | first) >>> 0
}

/** The next state: the block that the present state gives at the counter (low, high). */
function fold(state: Uint32Array, low: number, high: number): void {
  const key0 = state[0]!
  const key1 = state[1]!
  state[0] = low
  state[1] = high
  philoxBlock(state, key0, key1)
}
