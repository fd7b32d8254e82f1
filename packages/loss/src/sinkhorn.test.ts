import '@tensorflow/tfjs-backend-cpu'
import { largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sinkhornKnopp } from './index.js'

/** DINOv2's, on exponentials, in double precision. */
function exponentials(logits: number[][], temperature: number, iterations: number): number[] {
  const q = logits.map((row) => row.map((x) => Math.exp(x / temperature)))
  for (let i = 0; i < iterations; i++) {
    const columns = q[0].map((_, k) => q.reduce((sum, row) => sum + row[k], 0))
    for (const row of q) row.forEach((_, k) => void (row[k] /= columns[k] * columns.length))
    for (const row of q) {
      const sum = row.reduce((total, x) => total + x, 0)
      row.forEach((_, k) => void (row[k] /= sum * q.length))
    }
  }
  return q.flat().map((x) => x * q.length)
}

test('it equals the exponentials of the reference, where those do not overflow', () => {
  const logit = fc.double({ min: -1, max: 1, noNaN: true })
  const matrix = fc
    .record({ rows: fc.integer({ min: 1, max: 6 }), K: fc.integer({ min: 1, max: 6 }) })
    .chain(({ rows, K }) =>
      fc.array(fc.array(logit, { minLength: K, maxLength: K }), { minLength: rows, maxLength: rows }),
    )
  fc.assert(
    fc.property(matrix, fc.double({ min: 0.04, max: 1, noNaN: true }), fc.integer({ min: 1, max: 4 }), (x, tau, n) => {
      const actual = sinkhornKnopp(tf.tensor2d(x), { teacherTemp: tau, iterations: n })
      expect(largestDifference(actual.dataSync(), exponentials(x, tau, n))).toBeLessThan(2e-5)
    }),
  )
})

// biome-ignore format: rows of a matrix
test.each([
  // exp(logits / τ) = 3 1 | 1 1. Columns sum to 4, 2: 3/4 1/2 | 1/4 1/2; then rows to 5/4, 3/4.
  [1, [[3, 1], [1, 1]], [[3 / 5, 2 / 5], [1 / 3, 2 / 3]]],
  // Of 3/5 2/5 | 1/3 2/3 columns sum to 14/15, 16/15: 9/14 3/8 | 5/14 5/8; then rows to 57/56, 55/56.
  [2, [[3, 1], [1, 1]], [[12 / 19, 7 / 19], [4 / 11, 7 / 11]]],
  // Of those, to 208/209, 210/209: 33/52 11/30 | 19/52 19/30; then rows to 781/780, 779/780.
  [3, [[3, 1], [1, 1]], [[45 / 71, 26 / 71], [15 / 41, 26 / 41]]],
  // Three rows on two prototypes: columns sum to 4 and 4, then rows to 3/4, 1/2, 3/4; columns are 3/2 each from then on.
  [1, [[2, 1], [1, 1], [1, 2]], [[2 / 3, 1 / 3], [1 / 2, 1 / 2], [1 / 3, 2 / 3]]],
  [3, [[2, 1], [1, 1], [1, 2]], [[2 / 3, 1 / 3], [1 / 2, 1 / 2], [1 / 3, 2 / 3]]],
])('by hand: %i rounds on the exponentials %j are %j', (iterations, exponentials, expected) => {
  const teacherTemp = 0.05
  const logits = exponentials.map((row) => row.map((x) => teacherTemp * Math.log(x)))
  const actual = sinkhornKnopp(tf.tensor2d(logits), { teacherTemp, iterations })
  expect(largestDifference(actual.dataSync(), expected.flat())).toBeLessThan(1e-6)
})

test('rows are distributions, and prototypes come to be used alike', () => {
  const logits = tf.reshape(tf.sin(tf.range(0, 60)), [12, 5]) as tf.Tensor2D
  const few = sinkhornKnopp(logits, { teacherTemp: 0.5 })
  expect(largestDifference(tf.sum(few, 1).dataSync(), new Array(12).fill(1))).toBeLessThan(1e-6)
  const many = sinkhornKnopp(logits, { teacherTemp: tf.scalar(0.5), iterations: 100 })
  expect(largestDifference(tf.mean(many, 0).dataSync(), new Array(5).fill(0.2))).toBeLessThan(1e-5)
})

test('logits of ten thousand overflow nothing', () => {
  const assignments = sinkhornKnopp(
    tf.tensor2d([
      [1e4, -1e4, 0],
      [0, 1e4, 1e4],
      [-1e4, -1e4, -1e4],
    ]),
  )
  expect(assignments.dataSync<'float32'>().every(Number.isFinite)).toBe(true)
})

test('settings that make no sense are refused, and nothing leaks', () => {
  const logits = tf.zeros([2, 3]) as tf.Tensor2D
  expect(() => sinkhornKnopp(logits, { iterations: 0 })).toThrow('iterations of at least 1, got 0')
  expect(() => sinkhornKnopp(logits, { teacherTemp: -0.1 })).toThrow('teacherTemp above 0, got -0.1')
  const before = tf.memory().numTensors
  sinkhornKnopp(logits).dispose()
  expect(tf.memory().numTensors).toBe(before)
})
