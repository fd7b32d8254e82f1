import { inRange } from './checks.js'
import type { Image } from './image.js'
import { luma } from './luma.js'
import { operate } from './operate.js'

/**
 * Colours pulled away from their luma (factor above 1), or towards it.
 *
 * Pillow's `ImageEnhance.Color`: a blend with L, in float32, truncated. A gray image and alpha stay.
 *
 * @param factor 0 is gray, 1 the image
 */
export function saturation(image: Image, factor: number): Image {
  inRange('saturation', 'factor', factor, 0, Number.POSITIVE_INFINITY)
  return operate(
    'saturation',
    image,
    (kernels) => kernels.saturation(factor),
    (out) => saturationInPlace(out, factor),
  )
}

const scaled = new Float32Array(511) // factor · d at d + 255, for every difference d of two bytes

export function saturationInPlace({ data, channels: C }: Image, factor: number): void {
  if (C === 1) return
  const k = Math.fround(factor)
  for (let d = -255; d <= 255; d++) scaled[d + 255] = k * d
  for (let p = 0; p < data.length; p += C) {
    const r = data[p]!
    const g = data[p + 1]!
    const b = data[p + 2]!
    const L = luma(r, g, b)
    const shift = 255 - L
    data[p] = clip(Math.fround(L + scaled[r + shift]!))
    data[p + 1] = clip(Math.fround(L + scaled[g + shift]!))
    data[p + 2] = clip(Math.fround(L + scaled[b + shift]!))
  }
}

function clip(v: number): number {
  return v <= 0 ? 0 : v >= 255 ? 255 : v | 0
}
