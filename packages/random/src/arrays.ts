import { stream } from './stream.js'

/**
 * Normal draws for a parameter: the same for the same seed and name, whichever parameters were made before.
 *
 * @param size how many
 * @param std standard deviation, 0 or more
 * @returns [size]
 */
export function normals(seed: number, name: string, size: number, std: number): Float32Array {
  if (!(std >= 0 && std < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`normals: expected a std of 0 or more for ${name}, got ${std}.`)
  }
  const draws = stream(seed, 'normals', name)
  return fill(size, 'normals', name, () => std * draws.normal())
}

/**
 * Uniform draws in [low, high] for a parameter: the upper bound only where float32 rounds up to it.
 *
 * @param size how many
 * @returns [size]
 */
export function uniforms(seed: number, name: string, size: number, low: number, high: number): Float32Array {
  const draws = stream(seed, 'uniforms', name)
  return fill(size, 'uniforms', name, () => draws.uniform(low, high))
}

/**
 * The order of an epoch: every index below n once (Fisher-Yates; memory is the index itself).
 *
 * @param n how many, from 0 to 2³² - 1
 * @param epoch from 0
 * @returns [n]
 */
export function permutation(n: number, seed: number, epoch: number): Uint32Array {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 32) {
    throw new RangeError(`permutation: expected a whole number of items from 0 to 4294967295, got ${n}.`)
  }
  const draws = stream(seed, 'permutation', epoch)
  const order = new Uint32Array(n)
  for (let i = 0; i < n; i++) order[i] = i
  for (let i = n - 1; i > 0; i--) {
    const j = draws.integer(0, i + 1)
    const moved = order[i]!
    order[i] = order[j]!
    order[j] = moved
  }
  return order
}

function fill(size: number, where: string, name: string, draw: () => number): Float32Array {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`${where}: expected a whole size for ${name}, got ${size}.`)
  }
  const values = new Float32Array(size)
  for (let i = 0; i < size; i++) values[i] = draw()
  return values
}
