import { refuseUnknown, whole } from './checks.js'
import { blank, checkImage, type Image } from './image.js'
import { lanczos } from './lanczos.js'
import { type Box, type Interpolation, resample, resamplePlain } from './resample.js'

export interface ResizedCropOptions extends Box {
  /** Side of the square result, pixels; or [height, width]. */
  size: number | readonly [height: number, width: number]
  /** Default 'bicubic'; the linear protocol uses 'bilinear'. */
  interpolation?: Interpolation
  /** Mirror the result left to right. Default false. */
  flip?: boolean
}

/**
 * Cuts a box out of the image and resizes it, as `torchvision.transforms.functional.resized_crop` on a Pillow image.
 *
 * The box must lie inside the image.
 */
export function resizedCrop(
  image: Image,
  { top, left, height, width, size, interpolation = 'bicubic', flip = false, ...rest }: ResizedCropOptions,
): Image {
  const where = 'resizedCrop'
  refuseUnknown(where, rest, ['top', 'left', 'height', 'width', 'size', 'interpolation', 'flip'])
  checkImage(where, image)
  checkInterpolation(where, interpolation)
  whole(where, 'height', height, 1, image.height)
  whole(where, 'width', width, 1, image.width)
  whole(where, 'top', top, 0, image.height - height)
  whole(where, 'left', left, 0, image.width - width)
  const [outHeight, outWidth] = typeof size === 'number' ? [size, size] : size
  whole(where, 'size', outHeight, 1)
  whole(where, 'size', outWidth, 1)
  const out = blank(outWidth, outHeight, image.channels)
  resample(image, { top, left, height, width }, outWidth, outHeight, interpolation, flip, out.data)
  return out
}

export interface ResizeOptions {
  /** Pixels. */
  width: number
  /** Pixels. */
  height: number
  /** Default 'bicubic'. 'lanczos', of three lobes, is in plain TypeScript. */
  interpolation?: Interpolation | 'lanczos'
}

/** The whole image at another size: Pillow's `resize`. */
export function resize(image: Image, { width, height, interpolation = 'bicubic', ...rest }: ResizeOptions): Image {
  refuseUnknown('resize', rest, ['width', 'height', 'interpolation'])
  checkImage('resize', image)
  if (interpolation !== 'lanczos') checkInterpolation('resize', interpolation)
  whole('resize', 'width', width, 1)
  whole('resize', 'height', height, 1)
  const out = blank(width, height, image.channels)
  const box = { top: 0, left: 0, width: image.width, height: image.height }
  if (interpolation === 'lanczos') resamplePlain(image, box, width, height, lanczos, false, out.data)
  else resample(image, box, width, height, interpolation, false, out.data)
  return out
}

export function checkInterpolation(where: string, interpolation: string): void {
  if (interpolation !== 'bicubic' && interpolation !== 'bilinear')
    throw new TypeError(`${where}: expected interpolation 'bicubic' or 'bilinear', got '${interpolation}'.`)
}
