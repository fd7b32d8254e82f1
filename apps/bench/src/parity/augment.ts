import {
  brightness,
  centerCrop,
  contrast,
  gaussianBlur,
  grayscale,
  hflip,
  hue,
  type Image,
  normalize,
  resize,
  resizedCrop,
  saturation,
  solarize,
} from '@dino/augment'
import { type Case, toNHWC } from '@dino/fixtures'
import { type Check, compare, NotImplemented, numbers, passes, type Tensors, tensor } from './check.js'
import { Settings } from './settings.js'

type Interpolation = 'bicubic' | 'bilinear'

/** The operations of a case, each on the input image, by the name that the manifest has for them. */
const operations: Record<string, (image: Image, op: Settings) => Image> = {
  resized_crop: (image, op) =>
    resizedCrop(image, {
      top: op.number('top'),
      left: op.number('left'),
      height: op.number('height'),
      width: op.number('width'),
      size: size(op),
      interpolation: op.string('interpolation', 'bicubic') as Interpolation,
    }),
  resize: (image, op) => {
    const [height, width] = op.has('size') ? size(op) : [op.number('height'), op.number('width')]
    return resize(image, { height, width, interpolation: op.string('interpolation', 'bicubic') as Interpolation })
  },
  center_crop: (image, op) => centerCrop(image, op.number('size')),
  hflip: (image) => hflip(image),
  brightness: (image, op) => brightness(image, op.number('factor')),
  contrast: (image, op) => contrast(image, op.number('factor')),
  saturation: (image, op) => saturation(image, op.number('factor')),
  hue: (image, op) => hue(image, op.number('factor')),
  grayscale: (image) => grayscale(image),
  gaussian_blur: (image, op) => gaussianBlur(image, op.number('radius')),
  solarize: (image, op) => solarize(image, op.number('threshold', 128)),
}

/** Every operation in levels of 0 to 255, the normalised image in its own units. */
export function augment(c: Case, tensors: Tensors): Check[] {
  const input = tensor(tensors, 'in.image') // [height, width, channels]
  const [height, width, channels] = input.shape as [number, number, Image['channels']]
  const image: Image = { data: Uint8Array.from(numbers(input)), width, height, channels }
  const unknown = new Set<string>()
  const checks: Check[] = []
  for (const [i, values] of new Settings(c.name, c).list('ops').entries()) {
    const op = Settings.of(`${c.name}.ops[${i}]`, values)
    const kind = op.string('op')
    const name = op.string('name', kind)
    const expected = tensor(tensors, `out.${name}`)
    if (kind === 'normalize') {
      const options = op.has('mean') ? { mean: op.numbers('mean'), std: op.numbers('std') } : {}
      const actual = { dtype: 'float32' as const, shape: [height, width, channels], data: normalize(image, options) }
      checks.push(compare(c, name, actual, toNHWC(expected), 'normalize')) // the reference has channels first
    } else if (Object.hasOwn(operations, kind)) {
      const { data, ...out } = operations[kind]!(image, op)
      const actual = { dtype: 'uint8' as const, shape: [out.height, out.width, out.channels], data }
      checks.push(levels(compare(c, name, actual, expected, 'levels'), data, numbers(expected)))
    } else unknown.add(kind)
  }
  if (unknown.size > 0 && checks.every(passes))
    throw new NotImplemented(`op ${[...unknown].join(', ')}; the others pass`)
  return checks
}

/** Whole levels are what a person wants to read here, not levels relative to the expected one. */
function levels(check: Check, actual: ArrayLike<number>, expected: ArrayLike<number>): Check {
  if (check.difference === Number.POSITIVE_INFINITY) return check
  let difference = 0
  for (let i = 0; i < expected.length; i++) difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!))
  return { ...check, difference }
}

/** One side of a square, or [height, width]. */
function size(op: Settings): [number, number] {
  const value = op.values.size
  if (typeof value === 'number') return [value, value]
  const [height, width] = op.numbers('size')
  return [height!, width!]
}
