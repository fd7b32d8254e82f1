import { list, refuseUnknown } from './checks.js'
import { normalization } from './defaults.js'
import { checkImage, type Image } from './image.js'

export interface NormalizeOptions {
  /** Of each channel, as a fraction of 255. Default ImageNet's [0.485, 0.456, 0.406]. */
  mean?: readonly number[]
  /** Of each channel, above 0. Default ImageNet's [0.229, 0.224, 0.225]. */
  std?: readonly number[]
}

/**
 * (x / 255 - mean) / std in float32: torchvision's `ToTensor` and `Normalize`.
 *
 * A gray image needs its own mean and std, of one number each.
 *
 * @returns [height, width, channels]
 */
export function normalize(
  image: Image,
  { mean = normalization.mean, std = normalization.std, ...rest }: NormalizeOptions = {},
): Float32Array {
  refuseUnknown('normalize', rest, ['mean', 'std'])
  checkImage('normalize', image)
  const { data, channels: C } = image
  list('normalize', 'mean', mean, { length: C, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY })
  list('normalize', 'std', std, { length: C, low: Number.MIN_VALUE, high: Number.POSITIVE_INFINITY })
  const f = Math.fround
  const table = new Float32Array(256 * C) // of every value of every channel
  for (let c = 0; c < C; c++)
    for (let v = 0; v < 256; v++) table[c * 256 + v] = f(f(v / 255) - f(mean[c]!)) / f(std[c]!)
  const out = new Float32Array(data.length)
  for (let p = 0; p < data.length; p += C) for (let c = 0; c < C; c++) out[p + c] = table[c * 256 + data[p + c]!]!
  return out
}
