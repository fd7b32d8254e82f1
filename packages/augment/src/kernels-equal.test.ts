import { stream } from '@dino/random'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  brightness,
  contrast,
  gaussianBlur,
  grayscale,
  hue,
  type Image,
  kernelsInUse,
  multiCrop,
  normalize,
  resize,
  resizedCrop,
  saturation,
  solarize,
  useKernels,
} from './index.js'
import { kernels } from './kernels.js'

vi.setConfig({ testTimeout: 120_000 })

// The module in SIMD against the plain definition: no byte may differ, whatever the size.

afterEach(() => useKernels('auto'))

function plain<T>(work: () => T): T {
  useKernels('plain')
  try {
    return work()
  } finally {
    useKernels('auto')
  }
}

/** Noise, or a few levels only, or all but black and white: what rounding and clipping meet. */
function imageOf(width: number, height: number, channels: Image['channels'], kind: number, seed: number): Image {
  const draws = stream(seed, 'image')
  const value = [
    () => draws.integer(0, 256),
    () => [0, 1, 127, 128, 254, 255][draws.integer(0, 6)]!,
    () => (draws.uniform() < 0.5 ? 0 : 255),
  ][kind]!
  return { data: Uint8Array.from({ length: width * height * channels }, value), width, height, channels }
}

const side = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 70 }) }, fc.integer({ min: 1, max: 300 }))
const images = fc
  .tuple(side, side, fc.constantFrom<Image['channels']>(1, 3, 4), fc.nat(2), fc.nat(2 ** 31))
  .map((settings) => imageOf(...settings))
const factor = fc.oneof(fc.double({ min: 0, max: 2, noNaN: true }), fc.double({ min: 0, max: 40, noNaN: true }))
const runs = { numRuns: 150 }

function expectEqual(fast: Image, slow: Image): void {
  expect([fast.width, fast.height, fast.channels]).toEqual([slow.width, slow.height, slow.channels])
  expect(Buffer.compare(fast.data, slow.data)).toBe(0)
}

test('SIMD is there', () => {
  expect(kernelsInUse()).toBe('simd')
  expect(plain(kernelsInUse)).toBe('plain')
})

describe('gives the bytes of the definition:', () => {
  test.each([
    ['brightness', brightness, factor],
    ['contrast', contrast, factor],
    ['saturation', saturation, factor],
    ['hue', hue, fc.double({ min: -0.5, max: 0.5, noNaN: true })],
    ['solarize', solarize, fc.double({ min: 0, max: 256, noNaN: true })],
    [
      'gaussianBlur',
      gaussianBlur,
      fc.oneof(fc.double({ min: 0, max: 2.6, noNaN: true }), fc.double({ min: 0, max: 60, noNaN: true })),
    ],
    ['grayscale', (image: Image, _: number) => grayscale(image), fc.constant(0)],
  ] as const)('%s', (_, operation, parameter) => {
    fc.assert(
      fc.property(images, parameter as fc.Arbitrary<number>, (image, value) => {
        const before = image.data.slice()
        expectEqual(
          operation(image, value),
          plain(() => operation(image, value)),
        )
        expect(Buffer.compare(image.data, before)).toBe(0)
      }),
      runs,
    )
  })

  test('normalize, in both layouts', () => {
    fc.assert(
      fc.property(images, fc.constantFrom('hwc' as const, 'chw' as const), (image, layout) => {
        const options = { mean: [0.1, 0.5, 0.7, 0].slice(0, image.channels), std: [1, 0.3, 2, 1], layout }
        options.std.length = image.channels
        const fast = normalize(image, options)
        expect(plain(() => normalize(image, options))).toEqual(fast)
        const into = new Float32Array(fast.length)
        expect(normalize(image, { ...options, into })).toBe(into)
        expect(into).toEqual(fast)
        const at = (y: number, x: number, c: number) =>
          layout === 'hwc' ? (y * image.width + x) * image.channels + c : (c * image.height + y) * image.width + x
        const [y, x, c] = [image.height - 1, image.width - 1, image.channels - 1]
        const value = image.data.at(-1)!
        expect(fast[at(y, x, c)]).toBeCloseTo((value / 255 - options.mean[c]!) / options.std[c]!, 5)
      }),
      runs,
    )
  })

  test('resize, up and down, bicubic and bilinear', () => {
    const interpolation = fc.constantFrom('bicubic' as const, 'bilinear' as const)
    fc.assert(
      fc.property(images, side, side, interpolation, (image, width, height, interpolation) => {
        const options = { width, height, interpolation }
        expectEqual(
          resize(image, options),
          plain(() => resize(image, options)),
        )
      }),
      runs,
    )
  })

  test('resizedCrop, mirrored or not', () => {
    fc.assert(
      fc.property(images, side, side, fc.boolean(), fc.nat(1e9), (image, width, height, flip, seed) => {
        const draws = stream(seed, 'box')
        const [h, w] = [draws.integer(1, image.height + 1), draws.integer(1, image.width + 1)]
        const top = draws.integer(0, image.height - h + 1)
        const left = draws.integer(0, image.width - w + 1)
        const options = { top, left, height: h, width: w, size: [height, width] as const, flip }
        expectEqual(
          resizedCrop(image, options),
          plain(() => resizedCrop(image, options)),
        )
      }),
      runs,
    )
  })

  test.each([
    ['a row of 16,384 pixels', 16_384, 1],
    ['a column of 16,384 pixels', 1, 16_384],
    ['a photo that is read in bands', 2400, 1500],
  ])('%s', (_, width, height) => {
    for (const channels of [1, 3, 4] as const) {
      const image = imageOf(width, height, channels, 0, channels)
      for (const size of [
        { width: 37, height: 41 },
        { width: 1, height: 1 },
        { width: 200, height: 3 },
      ])
        expectEqual(
          resize(image, size),
          plain(() => resize(image, size)),
        )
      const small = resize(image, { width: Math.min(width, 500), height: Math.min(height, 300) })
      expectEqual(
        gaussianBlur(small, 9),
        plain(() => gaussianBlur(small, 9)),
      )
    }
  })

  test('an image of which more lies between the passes than is kept: one strip after the other', () => {
    for (const channels of [1, 4] as const) {
      const image = imageOf(3, 9000, channels, 0, 1)
      const crop = {
        top: 0,
        left: 1,
        height: 9000,
        width: 2,
        size: [2, 1400] as [number, number],
        flip: channels === 4,
      }
      expectEqual(
        resizedCrop(image, crop),
        plain(() => resizedCrop(image, crop)),
      )
    }
  })

  test('multiCrop, of every number of channels, and into memory that is given', () => {
    const crops = multiCrop({ globalSize: 50, localSize: 23, localCrops: 3, solarize: [0.5, 0.5, 0.5] })
    fc.assert(
      fc.property(images, fc.nat(1e6), (image, sample) => {
        const plan = crops.plan({ seed: 1, epoch: 2, sample })
        const into = plan.map(({ size }) => new Uint8Array(size * size * image.channels))
        crops.apply(image, plan, into)
        const slow = plain(() => crops.apply(image, plan))
        for (const [i, view] of into.entries()) expect(Buffer.compare(view, slow[i]!)).toBe(0)
      }),
      runs,
    )
  })
})

describe('memory', () => {
  test('stays below 8 MB for the ten crops of a 500x375 image, and does not grow', () => {
    const crops = multiCrop()
    const image = imageOf(500, 375, 3, 0, 0)
    const views = crops.apply(image, crops.plan({ seed: 0, epoch: 0, sample: 0 }))
    for (let sample = 0; sample < 20; sample++) crops.apply(image, crops.plan({ seed: 0, epoch: 0, sample }), views)
    const settled = kernels()!.size
    expect(settled).toBeLessThan(8e6)
    for (let sample = 0; sample < 200; sample++) crops.apply(image, crops.plan({ seed: 0, epoch: 1, sample }), views)
    expect(kernels()!.size).toBe(settled)
  })

  test('is given back after an image that needed more', () => {
    resize(imageOf(3000, 3000, 3, 0, 0), { width: 2900, height: 2900 })
    expect(kernels()!.size).toBeLessThan(8e6)
  })
})

test('an unknown choice of kernels is refused', () => {
  expect(() => useKernels('fast' as never)).toThrow("expected 'auto' or 'plain', got 'fast'")
})
