import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { FeatureTable } from '../inspect/features.js'
import { Failure } from '../report/io.js'
import type { TrainImages } from '../train/images.js'

/**
 * Images that a data set names one by one.
 *
 * @param files below `root`, in an order of their own
 * @param about what else changes what is seen of them, such as boxes
 */
export function listedImages(root: string, files: readonly string[], about?: unknown): TrainImages {
  const path = (index: number) => join(root, files[index]!)
  return {
    count: files.length,
    name: path,
    sample: (index) => ({ index, path: path(index) }),
    classes: [],
    digest: createHash('sha256')
      .update(JSON.stringify([files, about]))
      .digest('hex')
      .slice(0, 16),
  }
}

/** The same features, of every image: a truth counts images, and one that is left out would shift those after it. */
export function complete(features: FeatureTable): FeatureTable {
  const [first] = features.setAside
  if (!first) return features
  throw new Failure(`${first[0]} cannot be read (${first[1]}), and the score needs every image. Fetch it again.`)
}
