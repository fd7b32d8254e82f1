import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, type TrainIO } from '../report/io.js'
import { imagesOf, type TrainImages } from '../train/images.js'

/** A labelled data set in two halves. */
export interface Splits {
  train: TrainImages
  val: TrainImages
  /** Class of each image of `val` in the numbers of `train`; a class that `train` lacks gets a number above its own. */
  valLabels: Int32Array
  /** How many classes both have together. */
  classes: number
}

/**
 * Both halves: the folders train/ and val/, or what `{split}` becomes with these words, such as `{split}.tar`.
 *
 * @param what needs them, for errors: `k-NN`
 */
export async function openSplits(what: string, data: string, io: TrainIO): Promise<Splits> {
  const named = data.includes('{split}')
  const sources = ['train', 'val'].map((part) => (named ? data.replaceAll('{split}', part) : join(data, part)))
  const missing = named ? [] : sources.filter((folder) => !existsSync(folder))
  if (missing.length > 0) {
    throw new Failure(
      `--data ${data}: ${missing.join(' and ')} missing. ${what} needs train/ and val/, one sub-folder per class in each, ` +
        'or two sources whose names differ in these words: --data "photos-{split}.zip".',
      2,
    )
  }
  const train = await imagesOf(sources[0]!, io)
  const val = await imagesOf(sources[1]!, io)
  for (const [i, images] of [train, val].entries()) {
    if (!images.labels) throw new Failure(`${sources[i]} has no classes: ${what} needs one sub-folder per class.`, 2)
  }
  const names = [...new Set([...train.classes, ...val.classes])]
  const numbers = val.classes.map((name) => names.indexOf(name))
  const valLabels = val.labels!.map((label) => (label < 0 ? -1 : numbers[label]!))
  return { train, val, valLabels, classes: names.length }
}

/** Images with a class: one that lies beside the class folders has none. */
export function labelled({ labels }: TrainImages): number[] {
  return [...labels!.keys()].filter((index) => labels![index]! >= 0)
}
