import { knnClassify } from '@dino/eval'
import { Failure } from '../report/io.js'
import type { TrainImages } from '../train/images.js'

/** Features with the index, in the list of images, of each row. */
export interface Rows {
  data: Float32Array
  rows: number
  dim: number
  indices: Int32Array
}

export type KnnScores = Record<number, { top1: number; top5: number }>

/** Accuracy, in percent, of the votes of `train`'s rows on `test`'s; images without a label must not be among them. */
export function scoreKnn(
  train: Rows,
  trainLabels: Int32Array,
  test: Rows,
  testLabels: Int32Array,
  { k, temperature, classes }: { k: readonly number[]; temperature: number; classes: number },
): KnnScores {
  return knnClassify({
    train,
    trainLabels: rowLabels(train, trainLabels),
    test,
    testLabels: rowLabels(test, testLabels),
    k: [...k],
    temperature,
    classes,
  })
}

/**
 * Which images of a labelled list stand in the database and which ask, when there is one list only: every fifth image
 * asks. Both train the network; labels are for this measure alone.
 */
export function splitForKnn(images: TrainImages, most: number): { database: number[]; queries: number[] } {
  const { labels } = images
  if (!labels) throw new Failure('k-NN needs labels: one sub-folder per class.')
  const labelled = [...labels.keys()].filter((index) => labels[index]! >= 0)
  const stride = Math.max(1, Math.ceil(labelled.length / most))
  const used = labelled.filter((_, i) => i % stride === 0)
  return { database: used.filter((_, i) => i % 5 !== 0), queries: used.filter((_, i) => i % 5 === 0) }
}

function rowLabels({ indices }: Rows, labels: Int32Array): Int32Array {
  return indices.map((index) => labels[index]!)
}
