import { list } from './checks.js'
import { blank, checkImage, type Image } from './image.js'
import { over255 } from './premultiply.js'

/**
 * The image in three channels: gray is repeated, alpha composited on the background. RGB comes back as it is, not copied.
 *
 * @param background R, G, B from 0 to 255; default white
 */
export function toRgb(image: Image, background: readonly number[] = [255, 255, 255]): Image {
  checkImage('toRgb', image)
  list('toRgb', 'background', background, { length: 3, low: 0, high: 255 })
  const { data, width, height, channels: C } = image
  if (C === 3) return image
  const out = blank(width, height, 3)
  for (let p = 0, o = 0; p < data.length; p += C, o += 3) {
    if (C === 1) {
      out.data[o] = out.data[o + 1] = out.data[o + 2] = data[p]!
      continue
    }
    const alpha = data[p + 3]!
    for (let c = 0; c < 3; c++) out.data[o + c] = over255(data[p + c]! * alpha + background[c]! * (255 - alpha))
  }
  return out
}
