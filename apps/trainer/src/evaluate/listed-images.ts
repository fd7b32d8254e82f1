import { createHash } from 'node:crypto'
import { join } from 'node:path'
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
