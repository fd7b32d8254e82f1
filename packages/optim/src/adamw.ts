import * as tf from '@tensorflow/tfjs-core'
import { adamw as defaults } from './defaults.js'
import { nonNegative, optimizer, type UpdateOptions } from './optimizer.js'

export interface AdamwOptions extends UpdateOptions {
  /** What the mean of the gradients keeps each step, from 0 to below 1. Default 0.9. */
  beta1?: number
  /** What the mean of their squares keeps each step, from 0 to below 1. Default 0.999. */
  beta2?: number
  /** Added to the denominator, after the bias correction. Default 1e-8. */
  eps?: number
}

/**
 * AdamW: Adam with decoupled weight decay, and a step count for each parameter.
 *
 *     p ← p (1 - lr wd);  m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²
 *     p ← p - lr / (1-β1ᵗ) · m / (√v / √(1-β2ᵗ) + ε)
 *
 * Loshchilov and Hutter 2019, algorithm 2. Reference: torch.optim.AdamW.
 * State: `exp_avg.NAME` (m), `exp_avg_sq.NAME` (v), `step.NAME` (t, a scalar).
 */
export const adamw = optimizer<'exp_avg' | 'exp_avg_sq' | 'step', AdamwOptions>(
  'adamw',
  { exp_avg: 'shaped', exp_avg_sq: 'shaped', step: 'scalar' },
  ({ beta1 = defaults.beta1, beta2 = defaults.beta2, eps = defaults.eps }) => {
    nonNegative('adamw', 'beta1', beta1, 1)
    nonNegative('adamw', 'beta2', beta2, 1)
    nonNegative('adamw', 'eps', eps)
    return ({ param, grad, slots, lr, decay }) => {
      const step = tf.add(slots.step, 1)
      const m = tf.add(tf.mul(slots.exp_avg, beta1), tf.mul(grad, 1 - beta1))
      const v = tf.add(tf.mul(slots.exp_avg_sq, beta2), tf.mul(tf.square(grad), 1 - beta2))
      // PyTorch: epsilon outside the bias correction
      const denominator = tf.add(tf.div(tf.sqrt(v), tf.sqrt(biasCorrection(beta2, step))), eps)
      const decayed = decay ? tf.mul(param, tf.sub(1, tf.mul(lr, decay))) : param
      const rate = tf.div(lr, biasCorrection(beta1, step)) // a scalar
      return {
        param: tf.sub(decayed, tf.mul(rate, tf.div(m, denominator))),
        slots: { exp_avg: m, exp_avg_sq: v, step },
      }
    }
  },
)

/**
 * 1 - βᵗ = 2 h / (1 + h), h = tanh(-t ln β / 2): in float32 the plain form loses five digits at β = 0.999, and so does
 * expm1 on the wasm backend, which has exp(x) - 1 there.
 */
function biasCorrection(beta: number, step: tf.Tensor): tf.Tensor {
  const h = tf.tanh(tf.mul(step, -Math.log(beta) / 2))
  return tf.div(tf.mul(h, 2), tf.add(h, 1))
}
