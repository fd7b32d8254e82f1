import { type Case, cases, largestDifference, load, pillow, toNHWC } from '@dino/fixtures'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  brightness,
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
  useKernels,
} from './index.js'

interface Op {
  op: string
  name: string
  [setting: string]: number | string
}

const run: Record<string, (image: Image, op: Record<string, number>) => Image> = {
  resized_crop: (image, { top, left, height, width, size }) =>
    resizedCrop(image, { top: top!, left: left!, height: height!, width: width!, size: size! }),
  brightness: (image, { factor }) => brightness(image, factor!),
  contrast: (image, { factor }) => contrast(image, factor!),
  saturation: (image, { factor }) => saturation(image, factor!),
  hue: (image, { factor }) => hue(image, factor!),
  hflip: (image) => hflip(image),
  grayscale: (image) => grayscale(image),
  solarize: (image, { threshold }) => solarize(image, threshold),
  gaussian_blur: (image, { radius }) => gaussianBlur(image, radius!),
}

function imageOf(c: Case): Image {
  const { shape, data } = load(c)['in.image']!
  return { data: data as Uint8Array, height: shape[0]!, width: shape[1]!, channels: 3 }
}

describe.each(['auto', 'plain'] as const)('%s kernels:', (which) => {
  beforeAll(() => useKernels(which))
  afterAll(() => useKernels('auto'))

  describe.each(cases('augment'))('$name', (c) => {
    const image = imageOf(c)
    const expected = load(c)
    const tolerance = c.tolerance as Record<string, number>

    test.each((c.ops as Op[]).filter(({ op }) => op !== 'normalize'))('$name equals Pillow', (op) => {
      const out = run[op.op]!(image, op as unknown as Record<string, number>)
      const want = expected[`out.${op.name}`]!
      expect([out.height, out.width, out.channels]).toEqual(want.shape)
      expect(largestLevels(out.data, want.data as Uint8Array)).toBeLessThanOrEqual(tolerance.levels!)
    })

    test.each((c.ops as Op[]).filter(({ op }) => op === 'normalize'))('$name equals torchvision', ({ name }) => {
      const want = toNHWC(expected[`out.${name}`]!) // from [3, height, width]
      expect(largestDifference(normalize(image), want.data as Float32Array)).toBeLessThanOrEqual(tolerance.normalize!)
    })
  })

  describe('the 12x12 image of pillow.json', () => {
    const expected = pillow() as Record<string, number[]>
    const data = Uint8Array.from({ length: 432 }, (_, i) => (37 * i + ((i * i) % 101)) % 256)
    const image: Image = { data, width: 12, height: 12, channels: 3 }
    const byPrefix: Record<string, (x: string) => Image> = {
      resize: (x) => resize(image, { width: parseInt(x, 10), height: parseInt(x, 10) }),
      blur: (x) => gaussianBlur(image, Number(x)),
      brightness: (x) => brightness(image, Number(x)),
      contrast: (x) => contrast(image, Number(x)),
      saturation: (x) => saturation(image, Number(x)),
      hue: (x) => hue(image, Number(x)),
      gray: () => grayscale(image),
      solarize: (x) => solarize(image, Number(x)),
    }
    const names = Object.keys(expected).filter((name) => name.split('_')[0]! in byPrefix)

    test.each(names)('%s', (name) => {
      const [op, x] = name.split('_') as [string, string]
      const out = Array.from(byPrefix[op]!(x).data)
      const channels = op === 'gray' ? [0] : [0, 1, 2] // it has one channel there
      expect(out.filter((_, i) => channels.includes(i % 3))).toEqual(expected[name])
    })
  })
})

function largestLevels(actual: Uint8Array, expected: Uint8Array): number {
  let largest = 0
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(actual[i]! - expected[i]!))
  return largest
}
