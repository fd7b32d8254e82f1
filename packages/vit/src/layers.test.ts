import '@tensorflow/tfjs'
import { golden, largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { gelu, layerNorm, linear, scaledProducts } from './layers.js'

const wave = (rows: number, columns: number, frequency: number) =>
  tf.reshape(tf.mul(tf.sin(tf.mul(tf.range(1, rows * columns + 1), frequency)), 2), [rows, columns]) as tf.Tensor2D

test('GELU is the exact one', () => {
  const points = Object.entries(golden().gelu_exact as Record<string, number>)
  const actual = gelu(tf.tensor2d([points.map(([x]) => Number(x) - 1)]), tf.ones([points.length]))
  expect(
    largestDifference(
      actual.dataSync(),
      points.map(([, y]) => y),
    ),
  ).toBeLessThan(1e-6)
})

test('GELU and its gradient stay finite far out', () => {
  const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => tf.sum(gelu(x as tf.Tensor2D, tf.zeros([2]))))(
    tf.tensor2d([[-1e4, 1e4]]),
  )
  expect(value.dataSync()[0]).toBeCloseTo(1e4)
  expect(grad.dataSync()).toEqual(Float32Array.of(0, 1))
})

test('LayerNorm takes the biased variance and an epsilon of 1e-6', () => {
  const { x, y } = golden()['layernorm(eps1e-6, biased var)']
  const actual = layerNorm(tf.tensor2d([x]), tf.ones([4]), tf.zeros([4]))
  expect(largestDifference(actual.dataSync(), y)).toBeLessThan(1e-6)
  const constant = layerNorm(tf.fill([1, 4], 3), tf.ones([4]), tf.tensor1d([1, 2, 3, 4]))
  expect([...constant.dataSync()]).toEqual([1, 2, 3, 4])
})

test('the written-out gradients equal those of the formulas, op by op', () => {
  const plainGelu = (x: tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))
  const plainNorm = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) => {
    const centred = tf.sub(x, tf.mean(x, 1, true))
    const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-6))
    return tf.add(tf.mul(tf.div(centred, deviation), weight), bias)
  }
  const dy = wave(5, 8, 1.7)
  const x = wave(5, 8, 0.9)
  const [weight, bias] = [wave(1, 8, 2.3), wave(1, 8, 3.1)].map((row) => tf.reshape(row, [8]))
  const biased = (x: tf.Tensor, bias: tf.Tensor) => gelu(x as tf.Tensor2D, bias)
  const plainBiased = (x: tf.Tensor, bias: tf.Tensor) => plainGelu(tf.add(x, bias))
  expectEqual(tf.grads(biased)([x, bias], dy), tf.grads(plainBiased)([x, bias], dy))
  const norm = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) => layerNorm(x as tf.Tensor2D, weight, bias)
  expectEqual(tf.grads(norm)([x, weight, bias], dy), tf.grads(plainNorm)([x, weight, bias], dy))

  const [q, k] = [wave(6, 4, 0.7), wave(10, 4, 1.1)].map((x, i) => tf.reshape(x, [1, 2, 3 + 2 * i, 4]))
  const products = (q: tf.Tensor, k: tf.Tensor) => scaledProducts(q as tf.Tensor4D, k as tf.Tensor4D)
  const plainProducts = (q: tf.Tensor, k: tf.Tensor) => tf.div(tf.matMul(q, k, false, true), 2)
  const dProducts = tf.reshape(wave(6, 5, 1.3), [1, 2, 3, 5])
  expectEqual(tf.grads(products)([q, k], dProducts), tf.grads(plainProducts)([q, k], dProducts))
})

test("a linear layer takes PyTorch's layout", () => {
  const y = linear(
    tf.tensor2d([[1, 2]]),
    tf.tensor2d([
      [3, 4],
      [5, 6],
      [7, 8],
    ]),
    tf.tensor1d([0, 0, 1]),
  )
  expect(y.arraySync()).toEqual([[11, 17, 24]])
})

function expectEqual(actual: tf.Tensor[], expected: tf.Tensor[]) {
  expect(actual.length).toBe(expected.length)
  actual.forEach((tensor, i) => {
    expect(tensor.shape).toEqual(expected[i].shape)
    expect(largestDifference(tensor.dataSync(), expected[i].dataSync())).toBeLessThan(2e-6)
  })
}
