import { list, refuseUnknown, whole } from './checks.js'
import { type CropPlan, cropBox, drawCrop } from './crop-box.js'
import type { Interpolation } from './resample.js'
import { checkInterpolation, resizedCrop } from './resized-crop.js'
import type { Transform } from './transform.js'

export interface RandomResizedCropOptions {
  /** Side of the square result, pixels. */
  size: number
  /** Fraction of the image's area, uniform, [low, high]. Default [0.08, 1], torchvision's; DINO's global views have [0.4, 1]. */
  scale?: readonly [number, number]
  /** Width / height before resizing, log-uniform, [low, high]. Default [3/4, 4/3]. */
  ratio?: readonly [number, number]
  /** Default 'bicubic'. */
  interpolation?: Interpolation
}

/** A random part of the image at one size: torchvision's `RandomResizedCrop`. Draws what {@link cropBox} takes. */
export function randomResizedCrop({
  size,
  scale = [0.08, 1],
  ratio = [3 / 4, 4 / 3],
  interpolation = 'bicubic',
  ...rest
}: RandomResizedCropOptions): Transform<CropPlan> {
  const where = 'randomResizedCrop'
  refuseUnknown(where, rest, ['size', 'scale', 'ratio', 'interpolation'])
  whole(where, 'size', size, 1, 16384)
  list(where, 'scale', scale, { length: 2, low: Number.MIN_VALUE, high: 1, rising: true })
  list(where, 'ratio', ratio, { length: 2, low: Number.MIN_VALUE, high: Number.POSITIVE_INFINITY, rising: true })
  checkInterpolation(where, interpolation)
  return {
    op: 'crop',
    draw: (draws) => drawCrop(draws, scale, ratio),
    apply: (image, crop) => resizedCrop(image, { ...cropBox(crop, image.width, image.height), size, interpolation }),
  }
}
