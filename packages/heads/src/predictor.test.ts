import '@tensorflow/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { predictor } from './index.js'

const rows = (count: number, dim: number) => tf.reshape(tf.sin(tf.range(0, count * dim)), [count, dim]) as tf.Tensor2D

test('names and shapes are those of PyTorch: Linear, BatchNorm, ReLU, Linear', () => {
  expect(predictor.shapes({ dim: 256 })).toEqual({
    '0.weight': [4096, 256],
    '0.bias': [4096],
    '1.weight': [4096],
    '1.bias': [4096],
    '3.weight': [256, 4096],
    '3.bias': [256],
  })
  expect(Object.keys(predictor.shapes({ dim: 2, hiddenDim: 3, useBn: false }))).toEqual([
    '0.weight',
    '0.bias',
    '2.weight',
    '2.bias',
  ])
})

test('by hand: relu of a linear layer, then another', () => {
  const params = {
    '0.weight': tf.tensor2d([[1, 0], [0, -1], [1, 1]]), // biome-ignore format: rows side by side
    '0.bias': tf.tensor1d([0, 0, -2]),
    '2.weight': tf.tensor2d([[1, 2, 3], [0, 1, 0]]), // biome-ignore format: rows side by side
    '2.bias': tf.tensor1d([0.5, 0]),
  }
  const y = predictor.apply({ dim: 2, hiddenDim: 3, useBn: false }, params, tf.tensor2d([[1, 3]]))
  expect(y.arraySync()).toEqual([[1 + 0 + 3 * 2 + 0.5, 0]])
})

test('with batch norm, the scale and shift of the first layer do not matter', () => {
  const config = { dim: 3, hiddenDim: 5 }
  const params = predictor.init(config, 1)
  const moved = { ...params, '0.weight': tf.mul(params['0.weight']!, 7), '0.bias': tf.add(params['0.bias']!, 3) }
  const x = rows(6, 3)
  const difference = tf.max(tf.abs(tf.sub(predictor.apply(config, params, x), predictor.apply(config, moved, x))))
  // N(0, .02) makes a small variance, beside which 1e-5 counts a little.
  expect(difference.dataSync()[0]).toBeLessThan(2e-3)
})

test('the same seed gives the same numbers; wrong shapes and a batch of one are refused', () => {
  const config = { dim: 3, hiddenDim: 5 }
  const params = predictor.init(config, 1)
  expect([...params['0.weight']!.dataSync()]).toEqual([...predictor.init(config, 1)['0.weight']!.dataSync()])
  expect(() => predictor.apply(config, params, rows(1, 3))).toThrow('at least 2 rows')
  expect(() => predictor.apply(config, params, rows(4, 2))).toThrow('float32 [rows,3]')
  expect(() => predictor.shapes({ dim: 0 })).toThrow('dim to be a positive integer, got 0')
})
