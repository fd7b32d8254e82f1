import { checkFeatures, type Features } from './features.js'
import { symmetricEigen } from './symmetric-eigen.js'

export interface Whitening {
  /** [dim], subtracted first. */
  mean: Float64Array
  /** [dim, dim], row i the i-th principal direction over a power of its variance, the largest first. */
  projection: Float64Array
}

export interface WhiteningOptions {
  /** Directions are divided by their variance to this power: 0.5 makes all variances 1, 0 only turns. Default 0.5. */
  power?: number
  /** Variances below this share of the largest count as that. Default 1e-5. */
  floor?: number
  /** Whether the covariance is about the mean; the reference's is not, although it subtracts the mean. Default true. */
  centred?: boolean
}

/**
 * PCA whitening: the directions of the features' covariance, each scaled to the same variance.
 *
 * Reference: `PCA` in utils.py and `eval_copy_detection.py`, which is `centred: false` (METHOD.md, 1.17 and 1.23). About
 * (9 dim + rows) · dim² operations.
 *
 * @param features [rows, dim], at least 2 rows; more than dim of them, or directions are missing and get the floor
 */
export function learnWhitening(
  features: Features,
  { power = 0.5, floor = 1e-5, centred = true }: WhiteningOptions = {},
): Whitening {
  checkFeatures('learnWhitening', 'features', features)
  const { data, rows, dim } = features
  if (rows < 2) throw new RangeError(`learnWhitening: expected at least 2 rows of features, got ${rows}.`)
  if (!(power >= 0) || !(floor > 0 && floor < 1)) {
    throw new RangeError(
      `learnWhitening: expected a power of 0 or more and a floor between 0 and 1, got ${power}, ${floor}.`,
    )
  }
  const mean = new Float64Array(dim)
  for (let i = 0; i < data.length; i++) mean[i % dim] += data[i] / rows
  const { values, vectors } = symmetricEigen(covariance(features, centred ? mean : new Float64Array(dim)), dim)
  const least = values[0] * floor
  if (!(least > 0)) throw new RangeError('learnWhitening: all features are equal, there is no direction to scale.')
  const projection = new Float64Array(dim * dim)
  for (let i = 0; i < dim; i++) {
    const scale = 1 / Math.max(values[i], least) ** power
    for (let d = i * dim; d < (i + 1) * dim; d++) projection[d] = vectors[d] * scale
  }
  return { mean, projection }
}

/**
 * Features in the directions of a whitening.
 *
 * @returns [rows, dim], not normalised
 */
export function applyWhitening(features: Features, { mean, projection }: Whitening): Features {
  checkFeatures('applyWhitening', 'features', features)
  const { data, rows, dim } = features
  if (mean.length !== dim) {
    throw new RangeError(`applyWhitening: expected features of ${mean.length} dimensions, got ${dim}.`)
  }
  const out = new Float32Array(rows * dim)
  const moved = new Float64Array(dim)
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < dim; d++) moved[d] = data[row * dim + d] - mean[d]
    for (let i = 0, at = 0; i < dim; i++) {
      let sum = 0
      for (let d = 0; d < dim; d++, at++) sum += projection[at] * moved[d]
      out[row * dim + i] = sum
    }
  }
  return { data: out, rows, dim }
}

/** [dim, dim] about `center`, over the rows. */
function covariance({ data, rows, dim }: Features, center: Float64Array): Float64Array {
  const sums = new Float64Array(dim * dim)
  const moved = new Float64Array(dim)
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < dim; d++) moved[d] = data[row * dim + d] - center[d]
    for (let i = 0; i < dim; i++) {
      const own = moved[i] / rows
      for (let j = 0, at = i * dim; j <= i; j++, at++) sums[at] += own * moved[j]
    }
  }
  for (let i = 0; i < dim; i++) for (let j = 0; j < i; j++) sums[j * dim + i] = sums[i * dim + j]
  return sums
}
