import { stretch } from './normalize-masks.js'

export interface LabelOptions {
  /** Size of the masks in patches. */
  height: number
  width: number
  /** Pixels of a patch's side. */
  patchSize: number
}

/**
 * The object at each pixel: every mask is enlarged by the patch size (bilinearly) and stretched to reach from 0 to 1, and the largest wins; of
 * equals the first. Reference: `eval_video_segmentation.py` (METHOD.md, 1.18).
 *
 * @param masks [objects, height · width], background first
 * @returns [height · patchSize, width · patchSize]
 */
export function labelPixels(masks: Float32Array, { height, width, patchSize }: LabelOptions): Uint8Array {
  const patches = height * width
  const objects = masks.length / patches
  if (!Number.isInteger(objects) || objects < 1 || objects > 256) {
    throw new RangeError(
      `labelPixels: expected 1 to 256 masks of ${height} x ${width} patches, got ${masks.length} values.`,
    )
  }
  const [rows, columns] = [axis(height, patchSize), axis(width, patchSize)]
  const pixels = rows.first.length * columns.first.length
  const labels = new Uint8Array(pixels)
  const best = new Float32Array(pixels).fill(Number.NEGATIVE_INFINITY)
  const enlarged = new Float32Array(pixels)
  for (let object = 0; object < objects; object++) {
    enlarge(masks.subarray(object * patches, (object + 1) * patches), width, rows, columns, enlarged)
    stretch(enlarged)
    for (let i = 0; i < pixels; i++) {
      if (!(enlarged[i] > best[i])) continue
      best[i] = enlarged[i]
      labels[i] = object
    }
  }
  return labels
}

/** Where each pixel lies between two patches: `first` and the next one, `share` of the next. */
interface Axis {
  first: Int32Array
  next: Int32Array
  share: Float64Array
}

/** PyTorch's bilinear `interpolate` with `align_corners=False`. */
function axis(patches: number, patchSize: number): Axis {
  const pixels = patches * patchSize
  const places = Float64Array.from({ length: pixels }, (_, pixel) => Math.max(0, (pixel + 0.5) / patchSize - 0.5))
  return {
    first: Int32Array.from(places),
    next: Int32Array.from(places, (place) => Math.min(patches - 1, Math.floor(place) + 1)),
    share: places.map((place) => place - Math.floor(place)),
  }
}

function enlarge(mask: Float32Array, width: number, rows: Axis, columns: Axis, out: Float32Array): void {
  let at = 0
  for (let y = 0; y < rows.first.length; y++) {
    const [top, bottom, down] = [rows.first[y] * width, rows.next[y] * width, rows.share[y]]
    for (let x = 0; x < columns.first.length; x++) {
      const [left, right, across] = [columns.first[x], columns.next[x], columns.share[x]]
      const above = mask[top + left] + across * (mask[top + right] - mask[top + left])
      const below = mask[bottom + left] + across * (mask[bottom + right] - mask[bottom + left])
      out[at++] = above + down * (below - above)
    }
  }
}
