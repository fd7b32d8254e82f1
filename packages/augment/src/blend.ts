import { inRange } from './checks.js'
import type { Image } from './image.js'
import { lookUp } from './look-up.js'
import { luma } from './luma.js'
import { operate } from './operate.js'

const f = Math.fround

/**
 * Pixels times `factor`, cut at white.
 *
 * Pillow's `ImageEnhance.Brightness`: a blend with black, in float32, truncated. Alpha stays.
 *
 * @param factor 0 is black, 1 the image, more is brighter
 */
export function brightness(image: Image, factor: number): Image {
  inRange('brightness', 'factor', factor, 0, Number.POSITIVE_INFINITY)
  return operate(
    'brightness',
    image,
    (kernels) => kernels.brightness(factor),
    (out) => brightnessInPlace(out, factor),
  )
}

/**
 * Pixels pulled away from the image's mean luma (factor above 1), or towards it.
 *
 * Pillow's `ImageEnhance.Contrast`: a blend with the gray int(mean(L) + 0.5), in float32, truncated. Alpha stays.
 *
 * @param factor 0 is one gray, 1 the image
 */
export function contrast(image: Image, factor: number): Image {
  inRange('contrast', 'factor', factor, 0, Number.POSITIVE_INFINITY)
  return operate(
    'contrast',
    image,
    (kernels) => kernels.contrast(factor),
    (out) => contrastInPlace(out, factor),
  )
}

export function brightnessInPlace(image: Image, factor: number): void {
  blendConstant(image, 0, factor)
}

export function contrastInPlace(image: Image, factor: number): void {
  const { data, channels: C } = image
  let sum = 0
  if (C === 1) for (let p = 0; p < data.length; p++) sum += data[p]!
  else for (let p = 0; p < data.length; p += C) sum += luma(data[p]!, data[p + 1]!, data[p + 2]!)
  blendConstant(image, Math.floor(sum / (data.length / C) + 0.5), factor)
}

const levels = new Uint8Array(256)

/** base + factor (x - base) for all 256 values of x, then a lookup for each byte. */
function blendConstant(image: Image, base: number, factor: number): void {
  const k = f(factor)
  for (let x = 0; x < 256; x++) levels[x] = truncated(f(base + f(k * (x - base))))
  lookUp(image, levels)
}

function truncated(v: number): number {
  return v <= 0 ? 0 : v >= 255 ? 255 : Math.trunc(v)
}
