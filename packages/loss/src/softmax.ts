import * as tf from '@tensorflow/tfjs-core'
import type { Setting } from './check.js'

/** The parts of a softmax over rows: everything in the loss is made of them, and large logits do not overflow. */
export interface SoftmaxParts {
  /** (logits - the row's largest) / temperature: at most 0, [rows, K]. */
  x: tf.Tensor2D
  /** exp(x), [rows, K]. */
  exp: tf.Tensor2D
  /** The sum of exp in each row: from 1 to K, [rows, 1]. softmax = exp / sum, log softmax = x - log(sum). */
  sum: tf.Tensor2D
}

export function softmaxParts(logits: tf.Tensor2D, temperature: Setting): SoftmaxParts {
  const x: tf.Tensor2D = tf.mul(tf.sub(logits, tf.max(logits, 1, true)), inverse(temperature))
  const exp = tf.exp(x)
  return { x, exp, sum: tf.sum(exp, 1, true) }
}

export function inverse(setting: Setting): Setting {
  return typeof setting === 'number' ? 1 / setting : tf.div(1, setting)
}

/** The sharpened, centred targets: softmax((teacher - center) / temperature), in parts. */
export function teacherParts(teacher: tf.Tensor2D, center: tf.Tensor2D, temperature: Setting): SoftmaxParts {
  return softmaxParts(tf.sub(teacher, center), temperature)
}

/** The mean over rows of -Σ p log p, in nats: log(sum) - Σ p x. */
export function meanEntropy({ x, exp, sum }: SoftmaxParts): tf.Scalar {
  const expected = tf.div(tf.sum(tf.mul(exp, x), 1, true), sum) // [rows, 1]
  return tf.mean(tf.sub(tf.log(sum), expected))
}
