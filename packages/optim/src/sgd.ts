import * as tf from '@tensorflow/tfjs-core'
import { sgd as defaults } from './defaults.js'
import { nonNegative, optimizer, type UpdateOptions } from './optimizer.js'

export interface SgdOptions extends UpdateOptions {
  /** What a step keeps of the one before, from 0 to below 1. Default 0.9. */
  momentum?: number
}

/**
 * Gradient descent with momentum and coupled weight decay:
 *
 *     d = g + wd p;  b ← μ b + d;  p ← p - lr b
 *
 * Reference: torch.optim.SGD (no dampening, no Nesterov).
 * State: `momentum_buffer.NAME` (b).
 */
export const sgd = optimizer<'momentum_buffer', SgdOptions>(
  'sgd',
  { momentum_buffer: 'shaped' },
  ({ momentum = defaults.momentum }) => {
    nonNegative('sgd', 'momentum', momentum, 1)
    return ({ param, grad, slots, lr, decay }) => {
      const direction = decay ? tf.add(grad, tf.mul(param, decay)) : grad
      const buffer = tf.add(tf.mul(slots.momentum_buffer, momentum), direction)
      return { param: tf.sub(param, tf.mul(buffer, lr)), slots: { momentum_buffer: buffer } }
    }
  },
)
