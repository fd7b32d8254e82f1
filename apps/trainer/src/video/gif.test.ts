import type { Image } from '@dino/augment'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { GifEncoder } from './gif.js'

const frame = (shade: number): Image => ({
  data: Uint8Array.from({ length: 12 * 9 * 3 }, (_, i) => (i % 36 < 18 ? shade : 255 - shade)),
  width: 12,
  height: 9,
  channels: 3,
})

async function encode(images: readonly Image[], fps: number): Promise<Uint8Array> {
  const encoder = new GifEncoder(fps)
  const parts: Uint8Array[] = []
  for (const image of images) parts.push(await encoder.frame(image))
  return Buffer.concat([...parts, encoder.end()])
}

test('an animation holds every frame, each in its own colours, and goes round', async () => {
  const images = [0, 60, 120, 250].map(frame)
  const gif = sharp(await encode(images, 30), { animated: true })
  const { pages, delay, loop, pageHeight, width } = await gif.metadata()
  expect({ pages, loop, pageHeight, width }).toEqual({ pages: 4, loop: 0, pageHeight: 9, width: 12 })
  expect(delay).toEqual([30, 40, 30, 30]) // hundredths of a second that add up to 4 / 30 s
  const pixels = await gif.removeAlpha().raw().toBuffer()
  const expected = images.flatMap(({ data }) => [...data])
  expect(pixels).toHaveLength(expected.length)
  for (const [i, value] of expected.entries()) expect(Math.abs(pixels[i]! - value)).toBeLessThanOrEqual(8)
})

test('a picture of many colours is a frame too', async () => {
  const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i % 3 === 0 ? i >> 4 : i % 3 === 1 ? i >> 6 : i))
  const gif = sharp(
    await encode(
      [
        { data, width: 64, height: 64, channels: 3 },
        { data, width: 64, height: 64, channels: 3 },
      ],
      10,
    ),
    {
      animated: true,
    },
  )
  expect((await gif.metadata()).delay).toEqual([100, 100])
  expect(await gif.removeAlpha().raw().toBuffer()).toHaveLength(2 * data.length)
})

test('more frames a second than browsers show are refused', () => {
  expect(() => new GifEncoder(60)).toThrow('expected 0 to 50 frames a second, got 60')
})
