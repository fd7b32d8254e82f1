import { inRange } from './checks.js'
import type { Image } from './image.js'
import { lookUp } from './look-up.js'
import { operate } from './operate.js'

/**
 * Inverts every value of at least `threshold`: Pillow's `ImageOps.solarize`. Alpha stays.
 *
 * @param threshold 0 to 256; default 128
 */
export function solarize(image: Image, threshold = 128): Image {
  inRange('solarize', 'threshold', threshold, 0, 256)
  return operate(
    'solarize',
    image,
    (kernels) => kernels.solarize(threshold),
    (out) => solarizeInPlace(out, threshold),
  )
}

const levels = new Uint8Array(256)

export function solarizeInPlace(image: Image, threshold: number): void {
  for (let v = 0; v < 256; v++) levels[v] = v < threshold ? v : 255 - v
  lookUp(image, levels)
}
