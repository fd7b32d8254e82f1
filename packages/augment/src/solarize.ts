import { inRange } from './checks.js'
import { checkImage, copy, type Image } from './image.js'

/**
 * Inverts every value of at least `threshold`: Pillow's `ImageOps.solarize`. Alpha stays.
 *
 * @param threshold 0 to 256; default 128
 */
export function solarize(image: Image, threshold = 128): Image {
  checkImage('solarize', image)
  inRange('solarize', 'threshold', threshold, 0, 256)
  const out = copy(image)
  solarizeInPlace(out, threshold)
  return out
}

export function solarizeInPlace({ data, channels: C }: Image, threshold: number): void {
  const step = C === 4 ? 4 : 1
  const colours = C === 4 ? 3 : 1
  for (let p = 0; p < data.length; p += step) {
    for (let c = p; c < p + colours; c++) if (data[c]! >= threshold) data[c] = 255 - data[c]!
  }
}
