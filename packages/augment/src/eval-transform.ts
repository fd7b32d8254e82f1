import { centerCrop } from './center-crop.js'
import { refuseUnknown, whole } from './checks.js'
import { evaluation } from './defaults.js'
import { checkImage, type Image } from './image.js'
import type { Interpolation } from './resample.js'
import { resize } from './resized-crop.js'

export interface EvalTransformOptions {
  /** Shorter side after resizing, pixels. Default 256. */
  resize?: number
  /** Side of the crop from its middle, pixels. Default 224. */
  crop?: number
  /** Default 'bicubic'. */
  interpolation?: Interpolation
}

/**
 * What the k-NN and linear protocols see: Resize(256), CenterCrop(224). Reference: `eval_knn.py`.
 *
 * The longer side becomes int(resize · longer / shorter), as in torchvision.
 */
export function evalTransform(
  image: Image,
  {
    resize: shorter = evaluation.resize,
    crop = evaluation.crop,
    interpolation = 'bicubic',
    ...rest
  }: EvalTransformOptions = {},
): Image {
  const where = 'evalTransform'
  refuseUnknown(where, rest, ['resize', 'crop', 'interpolation'])
  checkImage(where, image)
  whole(where, 'resize', shorter, 1)
  whole(where, 'crop', crop, 1)
  const { width: W, height: H } = image
  const longer = Math.trunc((shorter * Math.max(W, H)) / Math.min(W, H))
  const [width, height] = W <= H ? [shorter, longer] : [longer, shorter]
  return centerCrop(resize(image, { width, height, interpolation }), crop)
}
