import '@tensorflow/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { classifier } from './index.js'

test('a fresh classifier has weights N(0, .01), and a bias of 0 for each of 1000 labels', () => {
  const { 'linear.weight': weight, 'linear.bias': bias } = classifier.init({ inDim: 32 }, 0)
  const values = weight.dataSync<'float32'>()
  expect(weight.shape).toEqual([1000, 32])
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)
  expect(Math.abs(deviation / 0.01 - 1)).toBeLessThan(4 / Math.sqrt(2 * values.length))
  expect(bias.shape).toEqual([1000])
  expect(bias.dataSync().every((b) => b === 0)).toBe(true)
})

test('logits are x Wᵀ + b', () => {
  const params = {
    'linear.weight': tf.tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    'linear.bias': tf.tensor1d([0, 0, 1]),
  }
  expect(classifier.apply({ inDim: 2, numLabels: 3 }, params, tf.tensor2d([[1, 1]])).arraySync()).toEqual([[3, 7, 12]])
})

test('what does not fit is refused', () => {
  const config = { inDim: 2, numLabels: 3 }
  const params = classifier.init(config, 0)
  expect(() => classifier.apply(config, params, tf.zeros([1, 3]))).toThrow('[rows,2], got float32 [1,3]')
  expect(() => classifier.apply({ inDim: 2, numLabels: 4 }, params, tf.zeros([1, 2]))).toThrow(
    '[4,2], got float32 [3,2]',
  )
  expect(() => classifier.init({ inDim: 2, numLabels: 0 }, 0)).toThrow('numLabels to be a positive integer, got 0')
})
