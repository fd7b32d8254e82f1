import type { Draws } from './draws.js'
import type { Box } from './resample.js'
import { roundHalfEven } from './round-half-even.js'

/** The draws of one RandomResizedCrop: they know no image, so one plan serves an image of any size. */
export interface CropPlan {
  /** Ten tries: a fraction of the image's area, and width / height. */
  tries: [area: number, ratio: number][]
  /** The least and the greatest width / height, for the crop to fall back on. */
  ratio: [low: number, high: number]
  /** Where among the possible positions, in [0, 1). */
  top: number
  /** Where among the possible positions, in [0, 1). */
  left: number
}

const TRIES = 10

/** Draws area ~ U(scale) and ratio ~ log-uniform, ten times, and one position. */
export function drawCrop(draws: Draws, scale: readonly number[], ratio: readonly number[]): CropPlan {
  const [low, high] = ratio as [number, number]
  const tries = Array.from({ length: TRIES }, (): [number, number] => [
    draws.uniform(scale[0], scale[1]),
    Math.exp(draws.uniform(Math.log(low), Math.log(high))),
  ])
  return { tries, ratio: [low, high], top: draws.uniform(), left: draws.uniform() }
}

/**
 * The box that the draws mean in an image of this size: the first try that fits, else the largest middle crop within the ratio range.
 *
 * Reference: torchvision's `RandomResizedCrop.get_params`, with Python's rounding (half to even).
 */
export function cropBox({ tries, ratio, top, left }: CropPlan, imageWidth: number, imageHeight: number): Box {
  for (const [fraction, aspect] of tries) {
    const area = imageWidth * imageHeight * fraction
    const width = roundHalfEven(Math.sqrt(area * aspect))
    const height = roundHalfEven(Math.sqrt(area / aspect))
    if (width < 1 || height < 1 || width > imageWidth || height > imageHeight) continue
    return {
      top: Math.floor(top * (imageHeight - height + 1)),
      left: Math.floor(left * (imageWidth - width + 1)),
      height,
      width,
    }
  }
  const own = imageWidth / imageHeight
  const width = own > ratio[1] ? Math.max(roundHalfEven(imageHeight * ratio[1]), 1) : imageWidth
  const height = own < ratio[0] ? Math.max(roundHalfEven(imageWidth / ratio[0]), 1) : imageHeight
  return { top: (imageHeight - height) >> 1, left: (imageWidth - width) >> 1, height, width }
}
