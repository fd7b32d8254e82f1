import type { Image } from './image.js'
import type { Box } from './resample.js'

/** The box of an RGBA image with its colours multiplied by alpha, as Pillow's RGBa. */
export function premultiply({ data, width }: Image, box: Box, out: Uint8Array): Uint8Array {
  for (let y = 0, o = 0; y < box.height; y++) {
    let p = ((box.top + y) * width + box.left) * 4
    for (let x = 0; x < box.width; x++, p += 4, o += 4) {
      const alpha = data[p + 3]!
      out[o] = over255(data[p]! * alpha)
      out[o + 1] = over255(data[p + 1]! * alpha)
      out[o + 2] = over255(data[p + 2]! * alpha)
      out[o + 3] = alpha
    }
  }
  return out
}

/** Back to plain RGBA, in place. */
export function unpremultiply(data: Uint8Array, pixels: number): void {
  for (let p = 0; p < pixels * 4; p += 4) {
    const alpha = data[p + 3]!
    if (alpha === 0 || alpha === 255) continue
    for (let c = p; c < p + 3; c++) data[c] = Math.min(Math.trunc((255 * data[c]!) / alpha), 255)
  }
}

/** x / 255, rounded: Pillow's MULDIV255, exact for x up to 255². */
export function over255(x: number): number {
  const t = x + 128
  return (t + (t >> 8)) >> 8
}
