import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  brightness,
  centerCrop,
  contrast,
  evalTransform,
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
  toRgb,
} from './index.js'

vi.setConfig({ testTimeout: 60_000 })

const side = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }))

function images(...channels: Image['channels'][]): fc.Arbitrary<Image> {
  return fc
    .tuple(side, side, fc.constantFrom(...channels))
    .chain(([width, height, C]) =>
      fc
        .uint8Array({ minLength: width * height * C, maxLength: width * height * C })
        .map((data) => ({ data, width, height, channels: C })),
    )
}

const any = images(1, 3, 4)
const rgb = images(3)

function solid(value: number, width: number, height: number, channels: Image['channels'] = 3): Image {
  return { data: new Uint8Array(width * height * channels).fill(value), width, height, channels }
}

describe('nothing changes', () => {
  const sizeOf = ({ width, height }: Image) => ({ width, height })
  const same: [string, fc.Arbitrary<Image>, (image: Image) => Image][] = [
    ['resizing to the same size (premultiplied alpha is not exact)', images(1, 3), (i) => resize(i, sizeOf(i))],
    ['mirroring twice', any, (i) => hflip(hflip(i))],
    ['a blur of sigma 0', any, (i) => gaussianBlur(i, 0)],
    ['brightness 1', any, (i) => brightness(i, 1)],
    ['contrast 1', any, (i) => contrast(i, 1)],
    ['saturation 1', any, (i) => saturation(i, 1)],
    ['solarizing from 256 on', any, (i) => solarize(i, 256)],
    ['solarizing from 0 on, twice', any, (i) => solarize(solarize(i, 0), 0)],
    ['saturation and hue of a gray image', images(1), (i) => hue(saturation(i, 0.3), 0.4)],
    ['hue of an RGB image without colour', rgb.map(grayscale), (i) => hue(i, 0.4)],
    ['RGB to RGB', rgb, (i) => toRgb(i)],
  ]
  test.each(same)('%s', (_, arbitrary, operation) => {
    fc.assert(
      fc.property(arbitrary, (image) => {
        expect(operation(image)).toEqual(image)
      }),
    )
  })
})

test('a uniform image stays uniform under resizing and any blur', () => {
  fc.assert(
    fc.property(fc.nat(255), side, side, side, fc.double({ min: 0, max: 60, noNaN: true }), (v, w, h, size, sigma) => {
      const image = solid(v, w, h)
      const resized = resize(image, { width: size, height: h })
      expect(resized.data.every((x) => x === v)).toBe(true)
      expect(gaussianBlur(image, sigma).data.every((x) => x === v)).toBe(true)
    }),
  )
})

test('flip: true mirrors the result', () => {
  fc.assert(
    fc.property(any, side, side, (image, height, width) => {
      const options = { top: 0, left: 0, height: image.height, width: image.width, size: [height, width] as const }
      expect(resizedCrop(image, { ...options, flip: true })).toEqual(hflip(resizedCrop(image, options)))
    }),
  )
})

test('nothing outside the crop leaks in', () => {
  fc.assert(
    fc.property(
      rgb,
      fc.nat(),
      fc.nat(),
      fc.constantFrom('bicubic' as const, 'bilinear' as const),
      (image, a, b, interpolation) => {
        const left = a % image.width
        const top = b % image.height
        const box = { top, left, width: image.width - left, height: image.height - top }
        const masked = { ...image, data: image.data.slice() }
        for (let y = 0; y < image.height; y++)
          for (let x = 0; x < image.width; x++)
            if (y < top || x < left) masked.data.fill(77, (y * image.width + x) * 3, (y * image.width + x + 1) * 3)
        const options = { ...box, size: 7, interpolation }
        expect(resizedCrop(masked, options)).toEqual(resizedCrop(image, options))
      },
    ),
  )
})

test('a gray image goes through as the channels of an RGB one do', () => {
  const operations: ((image: Image) => Image)[] = [
    (i) => brightness(i, 1.3),
    (i) => contrast(i, 0.7),
    (i) => gaussianBlur(i, 1.7),
    (i) => solarize(i),
    (i) => resize(i, { width: 9, height: 5 }),
    (i) => centerCrop(i, 6),
    (i) => grayscale(i),
  ]
  fc.assert(
    fc.property(images(1), fc.constantFrom(...operations), (gray, operation) => {
      expect(operation(toRgb(gray))).toEqual(toRgb(operation(gray)))
    }),
  )
})

test('colour operations leave alpha alone and treat colours as without it', () => {
  const operations: ((image: Image) => Image)[] = [
    (i) => brightness(i, 1.3),
    (i) => contrast(i, 0.7),
    (i) => saturation(i, 1.9),
    (i) => hue(i, 0.2),
    (i) => grayscale(i),
    (i) => solarize(i),
  ]
  const drop = ({ data, ...rest }: Image): Image => ({ ...rest, data: data.filter((_, p) => p % 4 < 3), channels: 3 })
  fc.assert(
    fc.property(images(4), fc.constantFrom(...operations), (image, operation) => {
      const out = operation(image)
      expect(drop(out)).toEqual(operation(drop(image)))
      expect(out.data.filter((_, p) => p % 4 === 3)).toEqual(image.data.filter((_, p) => p % 4 === 3))
    }),
  )
})

test('transparent pixels do not bleed their colour when resized', () => {
  const image: Image = { data: Uint8Array.of(255, 0, 0, 0, 0, 200, 0, 255), width: 2, height: 1, channels: 4 }
  const { data } = resize(image, { width: 1, height: 1 })
  expect([data[0], data[2]]).toEqual([0, 0]) // no red
  expect(data[1]).toBeGreaterThan(195)
})

test('no operation touches its input, not even a Buffer', () => {
  fc.assert(
    fc.property(rgb, (image) => {
      const buffer = { ...image, data: Buffer.from(image.data) }
      for (const operation of [grayscale, solarize, hflip, (i: Image) => hue(i, 0.1), (i: Image) => gaussianBlur(i, 1)])
        operation(buffer)
      expect(new Uint8Array(buffer.data)).toEqual(image.data)
    }),
  )
})

test('all 16,777,216 colours through hue equal Pillow', () => {
  // sha256 of adjust_hue(image, 0.07) for the 256 images of one red each; torchvision 0.29.2, Pillow 13.0.0
  const hash = createHash('sha256')
  for (let r = 0; r < 256; r++) {
    const data = new Uint8Array(65536 * 3)
    for (let i = 0; i < 65536; i++) data.set([r, i >> 8, i & 255], 3 * i)
    hash.update(hue({ data, width: 256, height: 256, channels: 3 }, 0.07).data)
  }
  expect(hash.digest('hex')).toBe('17a39cc39c640fed42d43935ce05c69c19a74a27013da4ed4f36ea3a64ebbd72')
})

test('centerCrop pads a small image with black, the smaller half first', () => {
  const { data } = centerCrop(solid(9, 2, 1, 1), 5)
  expect(Array.from(data)).toEqual(
    [
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
      [0, 9, 9, 0, 0],
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ].flat(),
  )
})

test('evalTransform crops 375x500 and 500x333 where torchvision does', () => {
  const gradient = (width: number, height: number): Image => ({
    data: Uint8Array.from({ length: width * height }, (_, i) => ((i % width) * 256) / width),
    width,
    height,
    channels: 1,
  })
  for (const [width, height, to, top, left] of [
    [500, 375, [341, 256], 16, 58],
    [333, 500, [256, 384], 80, 16],
  ] as const) {
    const image = gradient(width, height)
    const resized = resize(image, { width: to[0], height: to[1] })
    const expected = resizedCrop(resized, { top, left, height: 224, width: 224, size: 224 })
    expect(evalTransform(image)).toEqual(expected)
  }
})

test('normalize gives each channel its own mean and std', () => {
  const image: Image = { data: Uint8Array.of(0, 51, 255), width: 1, height: 1, channels: 3 }
  const out = normalize(image, { mean: [0, 0.2, 0.5], std: [1, 2, 0.25] })
  expect(out[0]).toBe(0)
  expect(out[1]).toBeCloseTo(0, 7)
  expect(out[2]).toBeCloseTo(2, 6)
})

test('toRgb composites on the background', () => {
  const image: Image = {
    data: Uint8Array.of(200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 51),
    width: 3,
    height: 1,
    channels: 4,
  }
  expect(Array.from(toRgb(image, [0, 0, 250]).data)).toEqual([200, 100, 0, 0, 0, 250, 40, 20, 200])
})

describe('refused', () => {
  const image = solid(1, 4, 3)
  const box = { top: 0, left: 0, height: 3, width: 4 }
  const bad: [string, () => unknown, string][] = [
    ['a padded image', () => hflip({ ...image, data: new Uint8Array(99) }), 'expected 36 bytes for 4x3x3, got 99'],
    ['no pixels', () => hflip({ ...image, width: 0 }), 'at least 1 pixel, got 0x3'],
    ['two channels', () => hflip({ ...image, channels: 2 as 3 }), 'expected 1, 3 or 4 channels, got 2'],
    ['a plain array', () => hflip({ ...image, data: [1] as unknown as Uint8Array }), 'to be a Uint8Array'],
    [
      'a box beyond the image',
      () => resizedCrop(image, { ...box, left: 1, size: 2 }),
      'left to be a whole number from 0 to 0, got 1',
    ],
    [
      'an empty box',
      () => resizedCrop(image, { ...box, height: 0, size: 2 }),
      'height to be a whole number from 1 to 3',
    ],
    [
      'half a pixel',
      () => resizedCrop(image, { ...box, size: 2.5 }),
      'size to be a whole number of at least 1, got 2.5',
    ],
    [
      'an unknown filter',
      () => resizedCrop(image, { ...box, size: 2, interpolation: 'lanczos' as 'bicubic' }),
      "got 'lanczos'",
    ],
    ['a misspelt option', () => resizedCrop(image, { ...box, size: 2, filp: true } as never), "Did you mean 'flip'?"],
    ['a negative sigma', () => gaussianBlur(image, -1), 'sigma to be a finite number of at least 0, got -1'],
    ['a sigma that is not a number', () => gaussianBlur(image, Number.NaN), 'got NaN'],
    ['an infinite factor', () => brightness(image, Number.POSITIVE_INFINITY), 'got Infinity'],
    ['more than half a turn', () => hue(image, 0.6), 'factor to be a finite number from -0.5 to 0.5, got 0.6'],
    ['a background of two numbers', () => toRgb(image, [1, 2]), 'background to be 3 numbers'],
    ['a std of 0', () => normalize(image, { std: [0, 1, 1] }), 'std[0]'],
    ['an unknown layout', () => normalize(image, { layout: 'nchw' as never }), "'hwc' or 'chw', got 'nchw'"],
    ['too little room', () => normalize(image, { into: new Float32Array(2) }), 'room for'],
    ['three means for a gray image', () => normalize(solid(1, 2, 2, 1)), 'mean to be 1 numbers'],
  ]
  test.each(bad)('%s', (_, call, message) => expect(call).toThrow(message))
})
