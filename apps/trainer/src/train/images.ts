import { createHash } from 'node:crypto'
import type { Image } from '@dino/augment'
import { listImages } from '@dino/augment/node'
import { Failure } from '../report/io.js'

/** What a run trains on: files, or images already in memory. */
export interface TrainImages {
  count: number
  /** Name for people: the path of a file. */
  name(index: number): string
  sample(index: number): { index: number; path: string } | { index: number; image: Image }
  /** Class of each image, -1 where there is none; only evaluation looks at it. Absent without labels. */
  labels?: Int32Array
  classes: string[]
  /** Changes when the list does. */
  digest: string
}

/** The images of a folder (nested or flat) or glob, in an order that depends on their names alone. */
export async function imagesOf(source: string): Promise<TrainImages> {
  const { files, classes } = await listImages(source).catch((error: Error) => {
    throw new Failure(`--data: ${error.message.replace(/^listImages: /, '')}`, 2, { cause: error })
  })
  const hash = createHash('sha256')
  for (const { name } of files) hash.update(`${name}\n`)
  const byName = new Map(classes.map((name, i) => [name, i]))
  return {
    count: files.length,
    name: (index) => files[index]!.path,
    sample: (index) => ({ index, path: files[index]!.path }),
    labels: classes.length > 0 ? Int32Array.from(files, ({ label }) => byName.get(label ?? '') ?? -1) : undefined,
    classes,
    digest: hash.digest('hex').slice(0, 16),
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
