/** Four 32-bit words, each a whole number from 0 to 2³² - 1. */
export type Words4 = [number, number, number, number]

/** Two 32-bit words. */
export type Words2 = [number, number]

// Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", table 2 and section 3.5.
const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const WEYL_0 = 0x9e3779b9
const WEYL_1 = 0xbb67ae85
const ROUNDS = 10

/**
 * Philox4x32-10: a keyed bijection of 128 bits whose outputs pass BigCrush. Equal to Random123's.
 *
 * @param counter four 32-bit words; which block of the stream
 * @param key two 32-bit words; which stream
 * @returns four 32-bit words
 */
export function philox4x32(counter: Words4, key: Words2): Words4 {
  const block = Uint32Array.from(counter)
  philoxBlock(block, key[0], key[1])
  return [block[0]!, block[1]!, block[2]!, block[3]!]
}

/** The same in place: the four words of `block` go in as the counter and come out as the draw. */
export function philoxBlock(block: Uint32Array, key0: number, key1: number): void {
  let [x0, x1, x2, x3] = block as unknown as Words4
  let k0 = key0 | 0
  let k1 = key1 | 0
  for (let round = 0; round < ROUNDS; round++) {
    const y0 = highWord(x2, MULTIPLIER_1) ^ x1 ^ k0
    const y1 = Math.imul(x2, MULTIPLIER_1)
    const y2 = highWord(x0, MULTIPLIER_0) ^ x3 ^ k1
    const y3 = Math.imul(x0, MULTIPLIER_0)
    x0 = y0
    x1 = y1
    x2 = y2
    x3 = y3
    k0 = (k0 + WEYL_0) | 0
    k1 = (k1 + WEYL_1) | 0
  }
  block[0] = x0
  block[1] = x1
  block[2] = x2
  block[3] = x3
}

/** The upper 32 bits of a · b, by 16-bit halves: a double holds no 64-bit product. */
function highWord(a: number, b: number): number {
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const b0 = b & 0xffff
  const b1 = b >>> 16
  const low = a1 * b0 + ((a0 * b0) >>> 16) // at most 2³² - 2¹⁶
  const middle = a0 * b1 + (low & 0xffff)
  return (a1 * b1 + (low >>> 16) + (middle >>> 16)) | 0
}
