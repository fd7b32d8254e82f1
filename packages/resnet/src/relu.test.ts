import '@tensorflow/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { relu } from './relu.js'

test("values and gradients are those of TensorFlow.js's own, at zero too", () => {
  const x = tf.tensor1d([-2, -0, 0, 1e-30, 3])
  const upstream = tf.tensor1d([1, 2, 3, 4, 5])
  const gradient = (f: (x: tf.Tensor) => tf.Tensor) =>
    tf
      .grad((x) => tf.sum(tf.mul(f(x), upstream)))(x)
      .arraySync()
  expect(relu(x).arraySync()).toEqual(tf.relu(x).arraySync())
  expect(gradient(relu)).toEqual(gradient((x) => tf.relu(x)))
})
