import '@tensorflow/tfjs'
import { golden, largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { positionEmbeddings, resizeMatrix } from './position.js'

const published = Object.entries(golden().pos_embed_1d).filter(([name]) => name.includes('->') && !name.includes('|'))

test.each(published)('the matrix of %s is the one worked out by hand', (name, expected) => {
  const [, from, to] = /(\d+)->(\d+)/.exec(name)!
  const offset = name.includes('hack') ? 0.1 : 0
  const matrix = resizeMatrix(Number(from), Number(to), offset)
  expect(largestDifference(matrix, (expected as number[][]).flat())).toBeLessThan(1e-12)
})

test('each row of a matrix sums to 1, so constant embeddings stay constant', () => {
  const side = fc.integer({ min: 1, max: 60 })
  fc.assert(
    fc.property(side, side, fc.constantFrom(0, 0.1), (from, to, offset) => {
      const matrix = resizeMatrix(from, to, offset)
      for (let i = 0; i < to; i++) {
        const row = matrix.subarray(i * from, (i + 1) * from)
        expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12)
      }
    }),
  )
})

const config = { imgSize: 32, patchSize: 8, embedDim: 2, depth: 1, numHeads: 1, mlpRatio: 4, channels: 3 }
const embeddings = tf.reshape(tf.sin(tf.range(0, 17 * 2)), [1, 17, 2])
const resized = (height: number, width: number, interpolateOffset = 0.1) =>
  positionEmbeddings({ ...config, interpolateOffset }, embeddings, height, width).arraySync()

test('they are taken as they are only for a square image of as many patches, as in the reference', () => {
  const own = tf.reshape(embeddings, [17, 2]).arraySync()
  expect(resized(32, 32)).toEqual(own)
  expect(resized(39, 39)).toEqual(own) // four patches and a remainder
  expect(resized(32, 33)).not.toEqual(own) // as many patches, but not square: sampled with a ratio of 4.1 / 4
  expect(resized(64, 16)).not.toEqual(own) // 16 patches too, 8 by 2
})

test('without the offset, a grid of the same sides is sampled exactly', () => {
  expect(largestDifference(resized(32, 33, 0).flat(), tf.reshape(embeddings, [-1]).dataSync())).toBeLessThan(1e-7)
})

test('[CLS] keeps its embedding at any size, and rows and columns are not confused', () => {
  const [cls, ...patches] = resized(24, 56)
  expect(cls).toEqual((embeddings.arraySync() as number[][][])[0][0])
  expect(patches.length).toBe(3 * 7)
  const grid = embeddings.arraySync() as number[][][]
  const R = resizeMatrix(4, 3, 0.1)
  const C = resizeMatrix(4, 7, 0.1)
  const at = (y: number, x: number, d: number) => {
    let sum = 0
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 4; j++) sum += R[y * 4 + i] * C[x * 4 + j] * grid[0][1 + i * 4 + j][d]
    return sum
  }
  const expected = patches.map((_, i) => [at(Math.floor(i / 7), i % 7, 0), at(Math.floor(i / 7), i % 7, 1)])
  expect(largestDifference(patches.flat(), expected.flat())).toBeLessThan(1e-6)
})
