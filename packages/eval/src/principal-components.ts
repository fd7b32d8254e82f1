import { checkFeatures, type Features } from './features.js'
import { symmetricEigen } from './symmetric-eigen.js'

/** Sums over rows, from which their covariance follows: rows may come in pieces, and are not kept. */
export interface Moments {
  dim: number
  rows: number
  /** [dim] the first row; sums are about it, so that nothing cancels. */
  origin: Float64Array
  /** [dim] */
  sums: Float64Array
  /** [dim, dim], the lower triangle. */
  products: Float64Array
}

export interface PrincipalComponents {
  /** [dim] */
  mean: Float64Array
  /** [n, dim], the direction of the largest variance first; of length 1, the entry of the largest magnitude positive. */
  components: Float64Array
  /** [n] */
  variances: Float64Array
  /** Variance in all directions together. */
  total: number
}

export function createMoments(dim: number): Moments {
  if (!Number.isInteger(dim) || dim < 1) throw new RangeError(`createMoments: expected dim of 1 or more, got ${dim}.`)
  const zeros = (count: number) => new Float64Array(count)
  return { dim, rows: 0, origin: zeros(dim), sums: zeros(dim), products: zeros(dim * dim) }
}

/**
 * Adds rows, in float64 and in their order: the same rows in other pieces give the same bits.
 *
 * @param features [rows, dim]
 * @param keep which of them. Default all
 */
export function addMoments(moments: Moments, features: Features, keep: (row: number) => boolean = () => true): void {
  checkFeatures('addMoments', 'features', features)
  const { data, dim } = features
  const { origin, sums, products } = moments
  if (dim !== moments.dim) throw new RangeError(`addMoments: expected rows of ${moments.dim} numbers, got ${dim}.`)
  const moved = new Float64Array(dim)
  for (let row = 0; row < features.rows; row++) {
    if (!keep(row)) continue
    if (moments.rows === 0) origin.set(data.subarray(row * dim, (row + 1) * dim))
    moments.rows++
    for (let d = 0; d < dim; d++) {
      moved[d] = data[row * dim + d] - origin[d]
      sums[d] += moved[d]
    }
    for (let i = 0; i < dim; i++) {
      const own = moved[i]
      for (let j = 0, at = i * dim; j <= i; j++, at++) products[at] += own * moved[j]
    }
  }
}

/**
 * The n directions of the largest variance, of the covariance about the mean.
 *
 * @param n 1 to dim
 * @throws RangeError for moments without a row, or of rows that hold NaN or an infinity
 */
export function principalComponents({ dim, rows, origin, sums, products }: Moments, n: number): PrincipalComponents {
  if (rows === 0) throw new RangeError('principalComponents: there are no rows. Call addMoments first.')
  if (!Number.isInteger(n) || n < 1 || n > dim) {
    throw new RangeError(`principalComponents: expected n from 1 to ${dim}, got ${n}.`)
  }
  const covariance = new Float64Array(dim * dim)
  let total = 0
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j <= i; j++) {
      const value = products[i * dim + j] / rows - (sums[i] / rows) * (sums[j] / rows)
      covariance[i * dim + j] = covariance[j * dim + i] = value
    }
    total += covariance[i * dim + i]
  }
  const { values, vectors } = symmetricEigen(covariance, dim)
  return {
    mean: origin.map((value, d) => value + sums[d] / rows),
    components: vectors.slice(0, n * dim),
    variances: values.slice(0, n).map((value) => Math.max(0, value)), // rounding may leave less than none
    total,
  }
}
