import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ppmFrames } from './ppm-frames.js'

async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]!
    yield bytes.subarray(at, at + length)
    at += length
  }
}

async function read(bytes: Uint8Array, lengths: readonly number[] = [7]) {
  const images = []
  for await (const image of ppmFrames(cut(bytes, lengths))) images.push(image)
  return images
}

const pictures = fc.array(
  fc.integer({ min: 1, max: 12 }).chain((width) =>
    fc.integer({ min: 1, max: 5 }).chain((height) =>
      fc.record({
        width: fc.constant(width),
        height: fc.constant(height),
        data: fc.uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 }),
      }),
    ),
  ),
  { maxLength: 4 },
)

test('pictures come out as they went in, wherever the stream is cut', async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(pictures, lengths, async (list, cuts) => {
      const stream = list.flatMap(({ width, height, data }) => [
        ...Buffer.from(`P6\n${width} ${height}\n255\n`),
        ...data,
      ])
      expect(await read(Uint8Array.from(stream), cuts)).toEqual(list.map((picture) => ({ ...picture, channels: 3 })))
    }),
  )
})

test('what is no picture of 8 bits, and what ends too early, is refused', async () => {
  await expect(read(Buffer.from('P5\n1 1\n255\n0'))).rejects.toThrow('expected a PPM picture of 8 bits, got "P5')
  await expect(read(Buffer.from('P6\n1 1\n65535\n000000'))).rejects.toThrow('8 bits')
  await expect(read(Buffer.from('P6\n2 2\n255\n00000'))).rejects.toThrow('ends within a picture')
  await expect(read(Buffer.from('P6\n2'))).rejects.toThrow('ends within a picture')
})
