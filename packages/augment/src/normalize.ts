import { list, refuseUnknown } from './checks.js'
import { normalization } from './defaults.js'
import { checkImage, type Image } from './image.js'
import { kernels } from './kernels.js'

export interface NormalizeOptions {
  /** Of each channel, as a fraction of 255. Default ImageNet's [0.485, 0.456, 0.406]. */
  mean?: readonly number[]
  /** Of each channel, above 0. Default ImageNet's [0.229, 0.224, 0.225]. */
  std?: readonly number[]
  /** Order of the result: 'hwc' as TensorFlow has it, [height, width, channels], or 'chw' as PyTorch does. Default 'hwc'. */
  layout?: 'hwc' | 'chw'
  /** Where to write the result; default a new array. */
  into?: Float32Array
}

/**
 * (x / 255 - mean) / std in float32: torchvision's `ToTensor` and `Normalize`.
 *
 * A gray image needs its own mean and std, of one number each.
 *
 * @returns [height, width, channels], or [channels, height, width]
 */
export function normalize(
  image: Image,
  {
    mean = normalization.mean,
    std = normalization.std,
    layout = 'hwc',
    into: out = new Float32Array(image.data.length),
    ...rest
  }: NormalizeOptions = {},
): Float32Array {
  refuseUnknown('normalize', rest, ['mean', 'std', 'layout', 'into'])
  checkImage('normalize', image)
  const { data, channels: C } = image
  list('normalize', 'mean', mean, { length: C, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY })
  list('normalize', 'std', std, { length: C, low: Number.MIN_VALUE, high: Number.POSITIVE_INFINITY })
  if (layout !== 'hwc' && layout !== 'chw')
    throw new TypeError(`normalize: expected layout 'hwc' or 'chw', got '${layout as string}'.`)
  if (out.length !== data.length)
    throw new RangeError(`normalize: expected into to have room for ${data.length} numbers, got ${out.length}.`)
  const f = Math.fround
  const tables = new Float32Array(256 * C)
  for (let c = 0; c < C; c++)
    for (let v = 0; v < 256; v++) tables[c * 256 + v] = f(f(v / 255) - f(mean[c]!)) / f(std[c]!)
  const module = kernels()
  if (!module) lookUpFloats(image, tables, layout, out)
  else {
    try {
      module.lookUpFloats(image, tables, layout, out)
    } finally {
      module.end()
    }
  }
  return out
}

function lookUpFloats(
  { data, channels: C }: Image,
  tables: Float32Array,
  layout: 'hwc' | 'chw',
  out: Float32Array,
): void {
  const pixels = data.length / C
  for (let i = 0; i < pixels; i++)
    for (let c = 0; c < C; c++) out[layout === 'hwc' ? i * C + c : c * pixels + i] = tables[c * 256 + data[i * C + c]!]!
}
