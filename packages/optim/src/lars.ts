import * as tf from '@tensorflow/tfjs-core'
import { lars as defaults } from './defaults.js'
import { nonNegative, optimizer, type UpdateOptions } from './optimizer.js'

export interface LarsOptions extends UpdateOptions {
  /** What a step keeps of the one before, from 0 to below 1. Default 0.9. */
  momentum?: number
  /** Trust coefficient: the length of a step beside its parameter's, before lr. Default 0.001. */
  eta?: number
}

/**
 * LARS: momentum SGD for large batches, each matrix's step scaled to the matrix.
 *
 *     d = g + wd p;  q = η ‖p‖ / ‖d‖ (1 where either norm is 0);  b ← μ b + q d;  p ← p - lr b
 *
 * Vectors have no decay and q = 1. You et al. 2017, section 4. Reference: `LARS` in utils.py.
 * State: `momentum_buffer.NAME` (b).
 */
export const lars = optimizer<'momentum_buffer', LarsOptions>(
  'lars',
  { momentum_buffer: 'shaped' },
  ({ momentum = defaults.momentum, eta = defaults.eta }) => {
    nonNegative('lars', 'momentum', momentum, 1)
    nonNegative('lars', 'eta', eta)
    return ({ param, grad, slots, lr, decay }) => {
      const direction = decay ? tf.add(grad, tf.mul(param, decay)) : grad
      const scaled = param.rank === 1 ? direction : tf.mul(direction, trust(param, direction, eta))
      const buffer = tf.add(tf.mul(slots.momentum_buffer, momentum), scaled)
      return { param: tf.sub(param, tf.mul(buffer, lr)), slots: { momentum_buffer: buffer } }
    }
  },
)

/** @returns a scalar */
function trust(param: tf.Tensor, direction: tf.Tensor, eta: number): tf.Tensor {
  const length = tf.sqrt(tf.sum(tf.square(param)))
  const step = tf.sqrt(tf.sum(tf.square(direction)))
  const both = tf.logicalAnd(tf.greater(length, 0), tf.greater(step, 0))
  return tf.where(both, tf.div(tf.mul(length, eta), step), tf.onesLike(length))
}
