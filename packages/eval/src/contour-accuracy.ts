export interface ContourOptions {
  /** Size of the masks, pixels. */
  width: number
  height: number
  /** How far apart contours may be: a share of the diagonal, rounded up to pixels; pixels if 1 or more. Default 0.008. */
  bound?: number
}

/**
 * How well the contour of a mask follows the true one (DAVIS's F): the harmonic mean of the share of each contour's pixels that lie within
 * the bound of the other contour. Anything but 0 is inside; two masks without a contour agree.
 *
 * Perazzi et al. 2016, section 5.1; equals the official evaluation (davis2017-evaluation), which dilates contours by a disk.
 *
 * @param mask [height · width]
 * @param truth [height · width]
 * @returns 0 to 1
 */
export function contourAccuracy(
  mask: ArrayLike<number>,
  truth: ArrayLike<number>,
  { width, height, bound = 0.008 }: ContourOptions,
): number {
  for (const { length } of [mask, truth]) {
    if (length === width * height) continue
    throw new RangeError(`contourAccuracy: expected masks of ${width} x ${height} pixels, got ${length} values.`)
  }
  if (!(bound > 0)) throw new RangeError(`contourAccuracy: expected a bound above 0, got ${bound}.`)
  const radius = bound >= 1 ? bound : Math.ceil(bound * Math.hypot(width, height))
  const drawn = contour(mask, width, height)
  const real = contour(truth, width, height)
  if (drawn.length === 0 || real.length === 0) return drawn.length === real.length ? 1 : 0
  const precision = shareNear(drawn, real, radius, width, height)
  const recall = shareNear(real, drawn, radius, width, height)
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
}

/** Pixels that differ from the one to the right, below or diagonally below; those at the edge look along it only. */
function contour(mask: ArrayLike<number>, width: number, height: number): number[] {
  const places: number[] = []
  for (let y = 0; y < height; y++) {
    const down = y + 1 < height ? width : 0
    for (let x = 0; x < width; x++) {
      const at = y * width + x
      const right = x + 1 < width ? 1 : 0
      const inside = !mask[at]
      if (inside !== !mask[at + right] || inside !== !mask[at + down] || inside !== !mask[at + down + right]) {
        places.push(at)
      }
    }
  }
  return places
}

/** The share of `places` that lie in a disk around one of `others`. */
function shareNear(places: number[], others: number[], radius: number, width: number, height: number): number {
  const near = new Uint8Array(width * height)
  const reach = Math.floor(radius)
  for (const other of others) {
    const [row, column] = [Math.floor(other / width), other % width]
    for (let dy = Math.max(-reach, -row); dy <= Math.min(reach, height - 1 - row); dy++) {
      const half = Math.floor(Math.sqrt(radius * radius - dy * dy))
      const from = (row + dy) * width + Math.max(0, column - half)
      near.fill(1, from, (row + dy) * width + Math.min(width - 1, column + half) + 1)
    }
  }
  let count = 0
  for (const place of places) count += near[place]
  return count / places.length
}
