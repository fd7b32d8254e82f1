import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blank } from './image.js'
import { type Image, resize, thumbnail } from './index.js'

/** A row of 16 pixels; what Pillow 13 makes of it with LANCZOS. */
const row = Uint8Array.from({ length: 16 }, (_, i) => (i * i * 37 + 11 * i) % 256)
const gray = (data: Uint8Array, width: number, height: number): Image => ({ data, width, height, channels: 1 })

test.each([
  [5, [73, 156, 110, 179, 174]],
  [24, [0, 8, 72, 162, 153, 100, 110, 181, 208, 136, 86, 111, 160, 72, 37, 189, 255, 215, 91, 146, 255, 255, 125, 24]],
])("a row of 16 pixels is Pillow's LANCZOS at %i", (width, expected) => {
  expect([...resize(gray(row, 16, 1), { width, height: 1, interpolation: 'lanczos' }).data]).toEqual(expected)
})

test("a column of 16 pixels is Pillow's LANCZOS at 7", () => {
  const { data } = resize(gray(row, 1, 16), { width: 1, height: 7, interpolation: 'lanczos' })
  expect([...data]).toEqual([50, 139, 159, 96, 157, 203, 161])
})

test.each([
  [1024, 768, 224, 224, 168],
  [768, 1024, 224, 168, 224],
  [1024, 683, 224, 224, 149],
  [500, 375, 512, 500, 375],
  [1000, 3, 10, 10, 1],
  [333, 77, 100, 100, 23],
  [479, 640, 97, 73, 97],
  [5, 1000, 64, 1, 64],
  [300, 300, 97, 97, 97],
])('%i x %i with sides of at most %i is %i x %i, as in Pillow', (width, height, size, toWidth, toHeight) => {
  expect(thumbnail(blank(width, height, 1), size)).toMatchObject({ width: toWidth, height: toHeight })
})

test('one colour stays that colour, at any size', () => {
  const side = fc.integer({ min: 1, max: 50 })
  fc.assert(
    fc.property(side, side, side, fc.integer({ min: 0, max: 255 }), (width, height, size, value) => {
      const { data } = thumbnail(gray(new Uint8Array(width * height).fill(value), width, height), size)
      expect(new Set(data)).toEqual(new Set([value]))
    }),
  )
})

test('a size that is no number of pixels is refused', () => {
  expect(() => thumbnail(blank(4, 4, 3), 0)).toThrow('thumbnail: expected size')
})
