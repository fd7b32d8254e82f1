import { evalPixels, type FeatureOptions } from '../inspect/features.js'
import type { TrainImages } from '../train/images.js'

export interface ClassScores {
  /** Percent of the images that could be read. */
  top1: number
  top5: number
  images: number
  /** Images that could not be read, with the reason. */
  setAside: Map<string, string>
}

export interface ClassScoreOptions
  extends Pick<FeatureOptions, 'size' | 'background' | 'indices' | 'signal' | 'onProgress'> {
  /** Class of each image of the list; one that no logit stands for is never right. */
  labels: Int32Array
  classes: number
  /** Logits of a batch of images, [images, classes]. */
  logits(pixels: Uint8Array): Promise<Float32Array>
  /** Images of a call of `logits`. */
  batch: number
}

/** How often the class of an image is among the best, under the evaluation transform. Reads a batch at a time. */
export async function classScores(
  images: TrainImages,
  { indices, labels, classes, logits, batch, signal, onProgress, ...view }: ClassScoreOptions,
): Promise<ClassScores> {
  const setAside = new Map<string, string>()
  const hits = { 1: 0, 5: 0 }
  let seen = 0
  for (let first = 0; first < indices.length; first += batch) {
    signal?.throwIfAborted()
    const part = Array.from({ length: Math.min(batch, indices.length - first) }, (_, i) => indices[first + i]!)
    const { pixels, indices: read, setAside: unread } = await evalPixels(images, part, view)
    for (const [name, reason] of unread) setAside.set(name, reason)
    const rows = read.length > 0 ? await logits(pixels) : new Float32Array()
    for (const [row, index] of read.entries()) {
      const rank = rankOf(rows.subarray(row * classes, (row + 1) * classes), labels[index]!)
      if (rank < 1) hits[1]++
      if (rank < 5) hits[5]++
    }
    seen += read.length
    onProgress?.(first + part.length, indices.length)
  }
  return { top1: (100 * hits[1]) / seen, top5: (100 * hits[5]) / seen, images: seen, setAside }
}

/** How many classes stand before this one; of equal logits the earlier class does. Infinite for a class that has none. */
export function rankOf(logits: Float32Array, label: number): number {
  const own = logits[label]
  if (own === undefined) return Number.POSITIVE_INFINITY
  let before = 0
  for (const [i, value] of logits.entries()) if (value > own || (value === own && i < label)) before++
  return before
}
