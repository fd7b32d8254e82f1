import type { Image } from '@dino/augment'
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { colourOf, unitRange } from './colour-map.js'
import { cutToGrid, dataUri, encodePng, heatMap, masked, overlay } from './images.js'

const grid = { rows: 1, columns: 2, patchSize: 2 }
const green: Image = {
  data: new Uint8Array(24).map((_, i) => (i % 3 === 1 ? 200 : 0)),
  width: 4,
  height: 2,
  channels: 3,
}
const pixel = ({ data, width }: Image, y: number, x: number) => [
  ...data.slice((y * width + x) * 3, (y * width + x) * 3 + 3),
]

describe('colours', () => {
  test('brightness rises with the value', () => {
    const luma = ([r, g, b]: number[]) => 0.299 * r + 0.587 * g + 0.114 * b
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.integer({ min: 0, max: 999 }), (a, b) => {
        expect(Math.sign(luma(colourOf(a / 999)) - luma(colourOf(b / 999)))).toBe(Math.sign(a - b))
      }),
    )
  })

  test('beyond the range are the ends', () => {
    expect(colourOf(-3)).toEqual(colourOf(0))
    expect(colourOf(7)).toEqual(colourOf(1))
    expect(colourOf(1)).toEqual([252, 255, 164])
  })

  test('unitRange stretches to 0 and 1, keeps equal values at 0 and refuses NaN', () => {
    expect([...unitRange([2, 4, 3])]).toEqual([0, 1, 0.5])
    expect([...unitRange([5, 5])]).toEqual([0, 0])
    expect(() => unitRange([1, Number.NaN])).toThrow('got NaN at 1')
  })
})

describe('maps', () => {
  test('a patch is a square of one colour', () => {
    const map = heatMap([0.1, 0.9], grid)
    expect([map.width, map.height]).toEqual([4, 2])
    for (const [y, x] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]) {
      expect(pixel(map, y, x)).toEqual([0, 0, 4])
      expect(pixel(map, y, x + 2)).toEqual([252, 255, 164])
    }
  })

  test('an overlay is brighter where attention is', () => {
    const laid = overlay(green, [0.1, 0.9], grid)
    expect(pixel(laid, 0, 3)[0]).toBeGreaterThan(pixel(laid, 0, 0)[0] + 100)
  })

  test('a mask keeps the picture inside, and its brightness in part outside', () => {
    const { data, ...size } = masked(green, [0, 1], grid)
    expect(pixel({ data, ...size }, 1, 2)).toEqual([0, 200, 0])
    expect(pixel({ data, ...size }, 1, 1)).toEqual([29, 29, 29])
  })

  test('a picture of another size is refused, and cut to whole patches first', () => {
    const odd: Image = { data: new Uint8Array(5 * 3 * 3), width: 5, height: 3, channels: 3 }
    odd.data.set([9, 8, 7], (5 + 3) * 3)
    expect(() => masked(odd, [0, 1], grid)).toThrow('got 5x3 with 3 channels')
    const cut = cutToGrid(odd, grid)
    expect([cut.width, cut.height]).toEqual([4, 2])
    expect(pixel(cut, 1, 3)).toEqual([9, 8, 7])
    expect(() => cutToGrid(green, { ...grid, rows: 2 })).toThrow('got 4x2')
  })
})

test('a PNG holds the same pixels, as bytes and in a URL', async () => {
  const decoded = await sharp(await encodePng(green))
    .raw()
    .toBuffer()
  expect(new Uint8Array(decoded)).toEqual(green.data)
  const [head, body] = (await dataUri(green)).split(',')
  expect(head).toBe('data:image/png;base64')
  expect(new Uint8Array(await sharp(Buffer.from(body, 'base64')).raw().toBuffer())).toEqual(green.data)
})
