import { knn as defaults } from './defaults.js'
import type { Features } from './features.js'
import { type Nearest, nearest } from './nearest.js'

export interface KnnOptions {
  /** [N, dim] features that vote; lengths don't matter. */
  train: Features
  /** Class of each training row, 0 or above. */
  trainLabels: ArrayLike<number>
  /** [M, dim] features to classify. */
  test: Features
  /** Class of each test row. */
  testLabels: ArrayLike<number>
  /** Neighbours that vote, one or several counts; clipped to N. Default [10, 20, 100, 200]. */
  k?: readonly number[]
  /** A vote weighs exp(cosine / temperature), above 0. Default 0.07. */
  temperature?: number
  /** Number of classes. Default: one more than the largest label. */
  classes?: number
}

/** Accuracy in percent. */
export interface KnnAccuracy {
  top1: number
  /** The label is among the first min(5, k, classes) classes. */
  top5: number
}

/**
 * Weighted k-nearest-neighbour classification on frozen features.
 *
 * score(c) = sum over the k nearest of exp(cosine / T) [label = c]. Of equal scores the lower class comes first.
 * Wu et al. 2018; reference: `eval_knn.py`, without its limits (1,000 classes, at least 100 test images, k <= N).
 *
 * @returns for each k that was asked for, top-1 and top-5
 */
export function knnClassify(options: KnnOptions): Record<number, KnnAccuracy> {
  const { train, trainLabels, test, testLabels, k: ks = defaults.k, temperature = defaults.temperature } = options
  const classes = options.classes ?? 1 + Math.max(largest(trainLabels), largest(testLabels))
  check(options, ks, temperature, classes)
  const neighbours = nearest(test, train, Math.max(...ks))
  const accuracy: Record<number, KnnAccuracy> = {}
  for (const k of ks) accuracy[k] = vote(neighbours, k, trainLabels, testLabels, temperature, classes)
  return accuracy
}

function vote(
  { k: stored, indices, similarities }: Nearest,
  k: number,
  trainLabels: ArrayLike<number>,
  testLabels: ArrayLike<number>,
  temperature: number,
  classes: number,
): KnnAccuracy {
  const voters = Math.min(k, stored)
  const five = Math.min(5, voters, classes)
  const scores = new Float64Array(classes)
  let top1 = 0
  let top5 = 0
  for (let row = 0; row < testLabels.length; row++) {
    scores.fill(0)
    for (let i = row * stored; i < row * stored + voters; i++) {
      // Less the largest cosine there can be: the same ranking, and no overflow at a small temperature.
      scores[trainLabels[indices[i]]] += Math.exp((similarities[i] - similarities[row * stored]) / temperature)
    }
    const rank = rankOf(scores, testLabels[row])
    if (rank < 1) top1++
    if (rank < five) top5++
  }
  return { top1: (100 * top1) / testLabels.length, top5: (100 * top5) / testLabels.length }
}

/** How many classes come before this one. */
function rankOf(scores: Float64Array, label: number): number {
  let rank = 0
  for (let c = 0; c < scores.length; c++) {
    if (scores[c] > scores[label] || (scores[c] === scores[label] && c < label)) rank++
  }
  return rank
}

function check(options: KnnOptions, ks: readonly number[], temperature: number, classes: number): void {
  const { train, trainLabels, test, testLabels } = options
  for (const [name, { rows }, labels] of [
    ['train', train, trainLabels],
    ['test', test, testLabels],
  ] as const) {
    if (rows < 1) throw new RangeError(`knnClassify: expected at least one ${name} row, got none.`)
    if (labels.length !== rows) {
      throw new RangeError(
        `knnClassify: expected one label for each of the ${rows} ${name} rows, got ${labels.length}.`,
      )
    }
    for (let i = 0; i < rows; i++) {
      if (!Number.isInteger(labels[i]) || labels[i] < 0 || labels[i] >= classes) {
        throw new RangeError(
          `knnClassify: expected ${name} labels from 0 to ${classes - 1}, got ${labels[i]} in row ${i}. ` +
            'Number the classes from 0, or raise classes.',
        )
      }
    }
  }
  if (ks.length === 0 || !ks.every((k) => Number.isInteger(k) && k >= 1)) {
    throw new RangeError(`knnClassify: expected k to be whole numbers of 1 or more, got [${ks}].`)
  }
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new RangeError(`knnClassify: expected a temperature above 0, got ${temperature}.`)
  }
}

function largest(values: ArrayLike<number>): number {
  let max = 0
  for (let i = 0; i < values.length; i++) if (values[i] > max) max = values[i]
  return max
}
