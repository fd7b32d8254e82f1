import { createHash } from 'node:crypto'
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
  type KernelChoice,
  resizedCrop,
  saturation,
  solarize,
  useKernels,
} from '../src/index.js'

// What takes too long for every `npm test`: all colours, and sizes up to 16,384. Half a minute.

vi.setConfig({ testTimeout: 20 * 60_000 })
afterEach(() => useKernels('auto'))

function under<T>(which: KernelChoice, work: () => T): T {
  useKernels(which)
  try {
    return work()
  } finally {
    useKernels('auto')
  }
}

function expectEqual(operation: (image: Image) => Image, image: Image): void {
  const fast = under('auto', () => operation(image))
  const slow = under('plain', () => operation(image))
  expect([fast.width, fast.height, fast.channels]).toEqual([slow.width, slow.height, slow.channels])
  expect(Buffer.compare(fast.data, slow.data)).toBe(0)
}

/** Every colour of one red. */
function colours(red: number): Image {
  const data = new Uint8Array(65_536 * 3)
  for (let i = 0, o = 0; i < 65_536; i++) {
    data[o++] = red
    data[o++] = i >> 8
    data[o++] = i & 255
  }
  return { data, width: 256, height: 256, channels: 3 }
}

describe('all 16,777,216 colours', () => {
  test.each(['auto', 'plain'] as const)('through hue equal Pillow, %s kernels', (which) => {
    // sha256 of adjust_hue(image, 0.07) for the 256 images of one red each; torchvision 0.29.2, Pillow 13.0.0
    const hash = createHash('sha256')
    for (let red = 0; red < 256; red++) hash.update(under(which, () => hue(colours(red), 0.07)).data)
    expect(hash.digest('hex')).toBe('17a39cc39c640fed42d43935ce05c69c19a74a27013da4ed4f36ea3a64ebbd72')
  })

  test.each([-0.5, -0.25, -0.1, -0.004, 0, 0.004, 0.1, 1 / 3, 0.5])('hue %f: SIMD equals plain', (factor) => {
    for (let red = 0; red < 256; red++) expectEqual((image) => hue(image, factor), colours(red))
  })

  test.each([0, 0.8, 1.2, 7.3])('saturation %f: SIMD equals plain', (factor) => {
    for (let red = 0; red < 256; red++) expectEqual((image) => saturation(image, factor), colours(red))
  })

  test('grayscale: SIMD equals plain', () => {
    for (let red = 0; red < 256; red++) expectEqual(grayscale, colours(red))
  })
})

test('every turn of hue, on a colour in 251: SIMD equals plain', () => {
  const data = new Uint8Array(Math.ceil(2 ** 24 / 251) * 3)
  for (let i = 0, o = 0; o < data.length; i += 251) {
    data[o++] = i >> 16
    data[o++] = i >> 8
    data[o++] = i
  }
  const image: Image = { data, width: data.length / 3, height: 1, channels: 3 }
  for (let turn = -127; turn <= 127; turn++) expectEqual((each) => hue(each, turn / 255), image)
})

/** Sides from 1 to 16,384, four megapixels at most. */
const sizes = fc
  .tuple(fc.double({ min: 0, max: 14, noNaN: true }), fc.double({ min: 0, max: 14, noNaN: true }))
  .map(([a, b]) => [Math.round(2 ** a), Math.max(1, Math.round(2 ** Math.min(b, 22 - a)))] as const)
const images = fc
  .tuple(sizes, fc.constantFrom<Image['channels']>(1, 3, 4), fc.boolean(), fc.nat(2 ** 31))
  .map(([[a, b], channels, turned, seed]): Image => {
    const [width, height] = turned ? [b, a] : [a, b]
    const draws = stream(seed, 'image')
    const tile = Uint8Array.from({ length: 65_521 }, () => draws.integer(0, 256)) // a prime: rows differ
    const data = Uint8Array.from({ length: width * height * channels }, (_, i) => tile[i % tile.length]!)
    return { data, width, height, channels }
  })

test('any size up to 16,384, any operation: SIMD equals plain', () => {
  fc.assert(
    fc.property(images, sizes, fc.nat(2 ** 31), (image, [a, b], seed) => {
      const draws = stream(seed, 'operation')
      const height = draws.integer(1, image.height + 1)
      const width = draws.integer(1, image.width + 1)
      const box = {
        top: draws.integer(0, image.height - height + 1),
        left: draws.integer(0, image.width - width + 1),
        height,
        width,
        size: (draws.uniform() < 0.5 ? [a, b] : [b, a]) as [number, number],
        interpolation: draws.uniform() < 0.5 ? ('bicubic' as const) : ('bilinear' as const),
        flip: draws.uniform() < 0.5,
      }
      const factor = draws.uniform() * 3
      const operations: ((image: Image) => Image)[] = [
        (each) => resizedCrop(each, box),
        (each) => gaussianBlur(each, factor ** 4),
        (each) => brightness(each, factor),
        (each) => contrast(each, factor),
        (each) => saturation(each, factor),
        (each) => hue(each, factor / 3 - 0.5),
        (each) => solarize(each, factor * 85),
      ]
      expectEqual(operations[draws.integer(0, operations.length)]!, image)
    }),
    { numRuns: 500 },
  )
})
