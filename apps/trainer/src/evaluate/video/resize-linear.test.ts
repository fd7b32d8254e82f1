import type { Image } from '@dino/augment'
import { expect, test } from 'vitest'
import { resizeLinear } from './resize-linear.js'

const picture = (width: number, height: number): Image => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => i * 37 + ((i * i) % 11)),
  width,
  height,
  channels: 3,
})

// cv2.resize(image, (width, height)) of OpenCV 5.0.0, the image being (arange(h * w * 3) * 37 + arange(h * w * 3)**2 % 11) % 256.
// biome-ignore format: rows of numbers
test.each<[number, number, number, number, number[]]>([
  [4, 3, 7, 2, [47, 86, 62, 67, 103, 101, 98, 132, 163, 155, 96, 133, 198, 59, 97, 115, 83, 120, 63, 98, 134, 140, 182, 153, 157, 128, 123, 184, 43, 76, 149, 89, 125, 114, 148, 168, 136, 172, 86, 150, 188, 35]],
  [3, 2, 5, 3, [0, 38, 78, 48, 84, 122, 120, 153, 188, 183, 66, 104, 225, 8, 49, 41, 77, 115, 86, 122, 109, 155, 191, 102, 144, 103, 91, 137, 46, 85, 81, 115, 151, 124, 160, 97, 189, 229, 15, 104, 141, 78, 48, 83, 120]],
])('%d x %d to %d x %d pixels equals OpenCV, byte for byte', (width, height, newWidth, newHeight, expected) => {
  const resized = resizeLinear(picture(width, height), newWidth, newHeight)
  expect([resized.width, resized.height]).toEqual([newWidth, newHeight])
  expect([...resized.data]).toEqual(expected)
})

test('an image that shrinks is not averaged: every pixel is made of four', () => {
  const data = Uint8Array.from({ length: 64 }, (_, i) => (i % 8 === 3 || i % 8 === 4 ? 0 : 255))
  const { data: shrunk } = resizeLinear({ data, width: 8, height: 8, channels: 1 }, 2, 2)
  expect([...shrunk]).toEqual([255, 255, 255, 255]) // columns 1 and 2, 5 and 6
})

test('the same size is the same image', () => {
  const image = picture(5, 4)
  expect(resizeLinear(image, 5, 4).data).toEqual(image.data)
})
