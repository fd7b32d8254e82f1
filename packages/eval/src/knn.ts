import { knn as defaults } from './defaults.js'
import type { Features } from './features.js'
import { type Nearest, nearest } from './nearest.js'
import { type KnnAccuracy, summary, vote } from './votes.js'

export interface KnnOptions {
  /** [N, dim] features that vote; lengths don't matter. */
  train: Features
  /** Class of each training row, 0 or above. */
  trainLabels: ArrayLike<number>
  /** [M, dim] features to classify; none with leaveOneOut. */
  test?: Features
  /** Class of each test row. */
  testLabels?: ArrayLike<number>
  /** Classify each training row by all others, instead of a test set. Default false. */
  leaveOneOut?: boolean
  /** Neighbours that vote, one or several counts; clipped to what there is. Default [10, 20, 100, 200]. */
  k?: readonly number[]
  /** A vote weighs exp(cosine / temperature), above 0. Default 0.07. */
  temperature?: number
  /** Number of classes. Default: one more than the largest label. */
  classes?: number
  /** Also score each class. Default false. */
  perClass?: boolean
  /** The largest k's neighbours of each classified row in `train`, where they are known. Default: `nearest` finds them. */
  neighbours?: Nearest
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
  const { train, trainLabels, leaveOneOut = false, k: ks = defaults.k, temperature = defaults.temperature } = options
  const { test, testLabels } = leaveOneOut ? { test: train, testLabels: trainLabels } : options
  if (!test || !testLabels || (leaveOneOut && (options.test || options.testLabels))) {
    throw new TypeError('knnClassify: expected test and testLabels, or leaveOneOut without them.')
  }
  const classes = options.classes ?? 1 + Math.max(largest(trainLabels), largest(testLabels))
  checkLabels('train', train, trainLabels, classes)
  checkLabels('test', test, testLabels, classes)
  checkVotes(ks, temperature)
  const most = Math.max(...ks)
  if (leaveOneOut && train.rows < 2)
    throw new RangeError('knnClassify: leaveOneOut needs two train rows or more, got one.')
  const neighbours = options.neighbours ?? nearest(test, train, most, { leaveOneOut })
  const wanted = Math.min(most, train.rows - (leaveOneOut ? 1 : 0))
  if (neighbours.k < wanted || neighbours.indices.length !== test.rows * neighbours.k) {
    throw new RangeError(
      `knnClassify: expected ${wanted} neighbours of each of ${test.rows} rows, got ${neighbours.indices.length} in all, ${neighbours.k} of each.`,
    )
  }
  const accuracy: Record<number, KnnAccuracy> = {}
  for (const k of ks) {
    const ranks = vote(neighbours, Math.min(k, neighbours.k), trainLabels, testLabels, temperature, classes)
    accuracy[k] = summary(ranks, Math.min(5, k, neighbours.k, classes), testLabels, options.perClass ?? false)
  }
  return accuracy
}

function checkLabels(name: string, { rows }: Features, labels: ArrayLike<number>, classes: number): void {
  if (rows < 1) throw new RangeError(`knnClassify: expected at least one ${name} row, got none.`)
  if (labels.length !== rows) {
    throw new RangeError(`knnClassify: expected one label for each of the ${rows} ${name} rows, got ${labels.length}.`)
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

function checkVotes(ks: readonly number[], temperature: number): void {
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
