import * as tf from '@tensorflow/tfjs-core'
import { clip as defaults } from './defaults.js'
import { nonNegative, type Params } from './optimizer.js'

/**
 * Scale down each gradient that is longer than `maxNorm`: each tensor by its own norm, not by the norm of all.
 *
 *     g ← g · min(1, maxNorm / (‖g‖ + 1e-6))
 *
 * Reference: `clip_gradients` in utils.py; before the last layer's gradients are dropped.
 *
 * @param maxNorm 0 leaves every gradient as it is. The reference's default is 3.
 * @returns new tensors
 */
export function clipPerTensor(grads: Params, maxNorm: number = defaults.maxNorm): Params {
  nonNegative('clipPerTensor', 'maxNorm', maxNorm)
  return tf.tidy('clip', () => {
    const clipped = Object.entries(grads).map(([name, grad]) => {
      if (maxNorm === 0) return [name, tf.clone(grad)]
      const norm = tf.sqrt(tf.sum(tf.square(grad))) // a scalar
      return [name, tf.mul(grad, tf.minimum(tf.div(maxNorm, tf.add(norm, defaults.eps)), 1))]
    })
    return Object.fromEntries(clipped) as Params
  })
}
