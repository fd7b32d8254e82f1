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
  const [train, val] = (await openLabelled(what, data, ['train', 'val'], io)) as [TrainImages, TrainImages]
  const { labels, classes } = relabelled(val, train.classes)
  return { train, val, valLabels: labels, classes }
}

/** Some of the halves of a data set, each with classes. */
export async function openLabelled(
  what: string,
  data: string,
  parts: readonly ('train' | 'val')[],
  io: TrainIO,
): Promise<TrainImages[]> {
  const named = data.includes('{split}')
  const sources = parts.map((part) => (named ? data.replaceAll('{split}', part) : join(data, part)))
  const missing = named ? [] : sources.filter((folder) => !existsSync(folder))
  if (missing.length > 0) {
    throw new Failure(
      `--data ${data}: ${missing.join(' and ')} missing. ${what} needs ${parts.map((part) => `${part}/`).join(' and ')}, ` +
        'one sub-folder per class in each, or sources whose names differ in these words: --data "photos-{split}.zip".',
      2,
    )
  }
  const opened: TrainImages[] = []
  for (const source of sources) {
    const images = await imagesOf(source, io)
    if (!images.labels) throw new Failure(`${source} has no classes: ${what} needs one sub-folder per class.`, 2)
    opened.push(images)
  }
  return opened
}

/** The labels of `images` in the numbers of `known` classes; a class that is not among them gets a number above theirs. */
export function relabelled(images: TrainImages, known: readonly string[]): { labels: Int32Array; classes: number } {
  const names = [...new Set([...known, ...images.classes])]
  const numbers = images.classes.map((name) => names.indexOf(name))
  return { labels: images.labels!.map((label) => (label < 0 ? -1 : numbers[label]!)), classes: names.length }
}

/** Images with a class: one that lies beside the class folders has none. */
export function labelled({ labels }: TrainImages): number[] {
  return [...labels!.keys()].filter((index) => labels![index]! >= 0)
}
