import type { ProbeWeights } from './linear/probe.js'

/** Features with a class each. Choosing and scaling rows copies nothing: they are read a batch at a time. */
export interface Rows {
  /** How many. */
  count: number
  /** Width D. */
  dim: number
  /** [count]; below 0 for none. */
  labels: Int32Array
  /** Writes some rows one after the other: [rows.length, D]. */
  read(rows: ArrayLike<number>, into: Float32Array): void
}

/** Of each feature: what standardizing takes away, and then divides by. */
export interface Spread {
  mean: Float64Array
  deviation: Float64Array
}

/** @param data [rows, dim] */
export function tableRows(data: Float32Array, dim: number, labels: Int32Array): Rows {
  return {
    count: labels.length,
    dim,
    labels,
    read(rows, into) {
      for (let i = 0; i < rows.length; i++) into.set(data.subarray(rows[i]! * dim, (rows[i]! + 1) * dim), i * dim)
    },
  }
}

/** Those of the numbers given. */
export function someRows({ dim, labels, read }: Rows, chosen: readonly number[]): Rows {
  return {
    count: chosen.length,
    dim,
    labels: Int32Array.from(chosen, (row) => labels[row]!),
    read(rows, into) {
      read(
        Array.from(rows, (row) => chosen[row]!),
        into,
      )
    },
  }
}

/** Each feature less its mean, over its standard deviation. */
export function standardized(rows: Rows, { mean, deviation }: Spread): Rows {
  const { dim } = rows
  return {
    ...rows,
    read(chosen, into) {
      rows.read(chosen, into)
      for (let i = 0; i < chosen.length * dim; i++) into[i] = (into[i]! - mean[i % dim]!) / deviation[i % dim]!
    },
  }
}

/** Mean and standard deviation of each feature; a feature that is the same in all rows counts as of deviation 1. */
export function spreadOf({ count, dim, read }: Rows): Spread {
  const mean = new Float64Array(dim)
  const variance = new Float64Array(dim)
  const row = new Float32Array(dim)
  for (let i = 0; i < count; i++) {
    read([i], row)
    for (let d = 0; d < dim; d++) {
      const off = row[d]! - mean[d]!
      mean[d]! += off / (i + 1) // Welford's way: no large sums of squares to subtract
      variance[d]! += (off * (row[d]! - mean[d]!)) / count
    }
  }
  return { mean, deviation: variance.map((value) => Math.sqrt(value) || 1) }
}

/** Weights on standardized features as weights on the features themselves: the same logits. */
export function onFeatures(weights: ProbeWeights, { mean, deviation }: Spread): ProbeWeights {
  const { 'linear.weight': weight, 'linear.bias': bias } = weights
  const [classes, dim] = weight.shape as [number, number]
  const data = Float32Array.from(weight.data as Float32Array, (value, i) => value / deviation[i % dim]!)
  const shifted = Float32Array.from(bias.data as Float32Array, (value, c) => {
    for (let d = 0; d < dim; d++) value -= data[c * dim + d]! * mean[d]!
    return value
  })
  return {
    'linear.weight': { ...weight, data },
    'linear.bias': { ...bias, shape: [classes], data: shifted },
  }
}
