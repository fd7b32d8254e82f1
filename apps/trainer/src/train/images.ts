import { createHash } from 'node:crypto'
import type { Image } from '@dino/augment'
import { DatasetError, openDataset, type Sample, sampleName } from '@dino/augment/node'
import { counter } from '../report/counter.js'
import { Failure, type TrainIO } from '../report/io.js'

/** What a run trains on: files, or images already in memory. */
export interface TrainImages {
  count: number
  /** Name for people: the path or URL of a file, or `archive#member`. */
  name(index: number): string
  /** For the pool: where it lies, or the image. */
  sample(index: number): Sample
  /** Class of each image, -1 where there is none; only evaluation looks at it. Absent without labels. */
  labels?: Int32Array
  classes: readonly string[]
  /** Changes when the list does. */
  digest: string
}

/**
 * The images of a data set: a folder, glob, list, zip or tar file, or shards, on disk or on a server. Their order depends on their names
 * alone; of archives on the order in them.
 *
 * @param io says how many archives are indexed, and stops it
 */
export async function imagesOf(source: string, io?: TrainIO): Promise<TrainImages> {
  const count = io && counter(io, 'archives indexed')
  const onProgress = (done: number, total: number) => total > 1 && count?.update(done, total)
  const dataset = await openDataset(source, { signal: io?.signal, onProgress }).catch((error: unknown) => {
    if (!(error instanceof DatasetError)) throw error
    throw new Failure(`--data: ${error.path}: ${error.reason}.`, 2, { cause: error })
  })
  count?.stop()
  const { labels, classes, digest } = dataset
  return {
    count: dataset.count,
    name: (index) => sampleName(dataset.sample(index)),
    sample: (index) => dataset.sample(index),
    labels,
    classes,
    digest,
  }
}

/** Images in memory, such as the embedded data set. */
export function imagesInMemory(items: { name: string; image: Image; label: number }[], classes: string[]): TrainImages {
  const hash = createHash('sha256')
  for (const { name, image } of items) hash.update(`${name}\0${image.width}x${image.height}\n`)
  return {
    count: items.length,
    name: (index) => items[index]!.name,
    sample: (index) => ({ index, image: items[index]!.image }),
    labels: Int32Array.from(items, ({ label }) => label),
    classes,
    digest: hash.digest('hex').slice(0, 16),
  }
}
