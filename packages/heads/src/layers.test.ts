import '@tensorflow/tfjs'
import { golden, largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { batchNorm, gelu, normalizeRows, weightNormLinear } from './layers.js'

const wave = (rows: number, columns: number, frequency: number) =>
  tf.reshape(tf.mul(tf.sin(tf.mul(tf.range(1, rows * columns + 1), frequency)), 2), [rows, columns]) as tf.Tensor2D

function expectEqual(actual: tf.Tensor[], expected: tf.Tensor[]) {
  expect(actual.length).toBe(expected.length)
  for (const [i, tensor] of actual.entries()) {
    expect(tensor.shape).toEqual(expected[i].shape)
    expect(largestDifference(tensor.dataSync(), expected[i].dataSync())).toBeLessThan(2e-6)
  }
}

test('the normalised vector and the weight-normalised layer give the logits worked out by hand', () => {
  const { x, v, g, y } = golden().head_last
  const actual = weightNormLinear(normalizeRows(tf.tensor2d([x])), tf.tensor2d(v), tf.tensor2d(g, [2, 1]))
  expect(largestDifference(actual.dataSync(), y)).toBeLessThan(1e-7)
})

test('logits do not change with the length of v, and scale with g', () => {
  const [x, v, g] = [wave(3, 4, 0.7), wave(5, 4, 1.1), tf.ones([5, 1])]
  const logits = weightNormLinear(x, v, g)
  expectEqual([weightNormLinear(x, tf.mul(v, 7), g)], [logits])
  expectEqual([weightNormLinear(x, v, tf.mul(g, 3))], [tf.mul(logits, 3)])
})

test('the written-out gradients equal those of the formulas, op by op', () => {
  const plainGelu = (x: tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))
  const plainNorm = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) => {
    const centred = tf.sub(x, tf.mean(x, 0))
    const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 0), 1e-5))
    return tf.add(tf.mul(tf.div(centred, deviation), weight), bias)
  }
  const plainWeightNorm = (x: tf.Tensor, v: tf.Tensor, g: tf.Tensor) => {
    const rows = tf.mul(g, tf.div(v, tf.sqrt(tf.sum(tf.square(v), 1, true))))
    return tf.matMul(x as tf.Tensor2D, rows as tf.Tensor2D, false, true)
  }
  const [x, dy] = [wave(5, 8, 0.9), wave(5, 8, 1.7)]
  expectEqual([tf.grad((x: tf.Tensor) => gelu(x as tf.Tensor2D))(x, dy)], [tf.grad(plainGelu)(x, dy)])

  const column = [wave(1, 8, 2.3), wave(1, 8, 3.1)].map((row) => tf.reshape(row, [8]))
  const norm = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) => batchNorm(x as tf.Tensor2D, weight, bias)
  expectEqual(tf.grads(norm)([x, ...column], dy), tf.grads(plainNorm)([x, ...column], dy))

  const prototypes = [wave(8, 8, 1.9), wave(8, 1, 0.4)]
  const weightNorm = (x: tf.Tensor, v: tf.Tensor, g: tf.Tensor) => weightNormLinear(x as tf.Tensor2D, v, g)
  expectEqual(tf.grads(weightNorm)([x, ...prototypes], dy), tf.grads(plainWeightNorm)([x, ...prototypes], dy))
})

test('normalised rows have length 1, and a row of zeros a finite gradient', () => {
  const x = tf.concat([wave(2, 4, 0.9), tf.zeros([1, 4])]) as tf.Tensor2D
  expect(largestDifference(tf.sum(tf.square(normalizeRows(x)), 1).dataSync(), [1, 1, 0])).toBeLessThan(1e-6)
  const gradient = tf.grad((x: tf.Tensor) => normalizeRows(x as tf.Tensor2D))(x, tf.ones([3, 4]))
  const zeros = gradient.dataSync<'float32'>().slice(8)
  expect(largestDifference(zeros, [1e12, 1e12, 1e12, 1e12])).toBeLessThan(1e-5) // dy / epsilon, as PyTorch's
  const along = tf.sum(tf.mul(gradient, x), 1) // moving along a row does not change it
  expect(largestDifference(along.dataSync(), [0, 0, 0])).toBeLessThan(1e-6)
})
