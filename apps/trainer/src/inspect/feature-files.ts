import { writeFileAtomic, writeNpy, writeSafetensors } from '@dino/weights/node'
import type { HostTensor } from '../train/host-tensor.js'
import type { TrainImages } from '../train/images.js'
import type { FeatureTable } from './features.js'

export type FeatureFormat = 'safetensors' | 'npy'

/**
 * Writes a table: features [rows, ...shape], and what the rows are. Safetensors hold both, the files' names as metadata; beside
 * `x.npy` they go to `x.json`, written first, so that an array is never without.
 *
 * @param shape of one row
 * @param about free text that travels along
 */
export async function writeFeatures(
  path: string,
  format: FeatureFormat,
  { data, rows, indices }: FeatureTable,
  shape: readonly number[],
  images: TrainImages,
  about: Record<string, string>,
): Promise<void> {
  const features: HostTensor = { dtype: 'float32', shape: [rows, ...shape], data }
  const files = Array.from(indices, (index) => images.name(index))
  const labels = images.labels && indices.map((index) => images.labels![index]!)
  if (format === 'npy') {
    const rest = { files, ...(labels && { labels: [...labels], classes: images.classes }), ...about }
    await writeFileAtomic(rowsFile(path), `${JSON.stringify(rest)}\n`)
    await writeNpy(path, features)
    return
  }
  await writeSafetensors(
    path,
    { features, ...(labels && { labels: { dtype: 'int32', shape: [rows], data: labels } }) },
    { files: JSON.stringify(files), classes: JSON.stringify(images.classes), ...about },
  )
}

/** What lies beside an array: `photos.npy` has its files in `photos.json`. */
export function rowsFile(path: string): string {
  return `${path.replace(/\.npy$/i, '')}.json`
}
