import { expect, test } from 'vitest'
import { imagesInMemory } from '../train/images.js'
import { classScores, rankOf } from './class-scores.js'

test('a rank counts the better classes; of equal ones the earlier stands first; an unknown class has none', () => {
  const logits = Float32Array.of(1, 3, 2, 3)
  expect([0, 1, 2, 3].map((label) => rankOf(logits, label))).toEqual([3, 0, 2, 1])
  expect(rankOf(logits, 4)).toBe(Number.POSITIVE_INFINITY)
})

test('percents are of all images, those of a class that training lacks included, whatever the batch', async () => {
  const images = imagesInMemory(
    Array.from({ length: 5 }, (_, i) => ({
      name: `${i}`,
      label: 0,
      image: { width: 2, height: 2, channels: 3 as const, data: new Uint8Array(12).fill(i) },
    })),
    ['one'],
  )
  // An image of brightness i is taken for class i; the network knows 6 classes, in this order after it.
  const logits = async (pixels: Uint8Array) => {
    const rows = Array.from({ length: pixels.length / 12 }, (_, row) => pixels[row * 12]!)
    return Float32Array.from(rows.flatMap((best) => Array.from({ length: 6 }, (_, c) => (c === best ? 10 : -c))))
  }
  for (const batch of [1, 2, 5]) {
    const labels = Int32Array.of(0, 2, 2, 5, 9) // right; second best but one; right; last; not known
    const options = {
      indices: [0, 1, 2, 3, 4],
      labels,
      classes: 6,
      logits,
      batch,
      size: 2,
      background: [0, 0, 0] as const,
    }
    expect(await classScores(images, options)).toMatchObject({ top1: 40, top5: 60, images: 5 })
  }
})
