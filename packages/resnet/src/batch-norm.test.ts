import '@tensorflow/tfjs'
import { largestDifference } from '@dino/fixtures'
import { normals } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { normByBatch } from './batch-norm.js'

const C = 3
const draw = (name: string, rows: number) => tf.tensor2d(normals(0, name, rows * C, 1), [rows, C])
const running = { mean: tf.zeros([C]), variance: tf.ones([C]) }

test.each([2, 7, 12])('the gradients of %i rows are those of the formula, op by op', (rows) => {
  const plain = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) => {
    const { mean, variance } = tf.moments(x, 0)
    return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), weight), bias)
  }
  const ours = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) =>
    normByBatch(x as tf.Tensor2D, { weight, bias, ...running }).y
  const upstream = draw('upstream', rows)
  const inputs = [draw('x', rows), tf.tensor1d([1, -2, 0.5]), tf.tensor1d([0, 1, 2])]
  const gradients = (f: typeof plain) =>
    tf.grads((...args: tf.Tensor[]) => tf.sum(tf.mul(f(...(args as [tf.Tensor, tf.Tensor, tf.Tensor])), upstream)))(
      inputs,
    )
  const expected = gradients(plain)
  for (const [i, gradient] of gradients(ours).entries()) {
    expect(largestDifference(gradient.dataSync(), expected[i]!.dataSync())).toBeLessThan(2e-4)
  }
})

test('a tenth of the running statistics is the batch, its variance unbiased', () => {
  const x = tf.tensor2d([1, 2, 3, 3, 2, 5], [2, C]) // means 2, 2, 4; unbiased variances 2, 0, 2
  const norm = { weight: tf.ones([C]), bias: tf.zeros([C]), ...running }
  const { mean, variance } = normByBatch(x, norm)
  expect(largestDifference(mean.dataSync(), Float32Array.of(0.2, 0.2, 0.4))).toBeLessThan(1e-6)
  expect(largestDifference(variance.dataSync(), Float32Array.of(1.1, 0.9, 1.1))).toBeLessThan(1e-6)
})
