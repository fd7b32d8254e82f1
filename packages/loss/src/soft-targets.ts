import * as tf from '@tensorflow/tfjs-core'
import { checkRows } from './check.js'

/**
 * Cross-entropy with targets that are distributions: of smoothed labels, of mixed images.
 *
 *     L = mean over rows of -Σ_c target_c log softmax(logits)_c
 *
 * Reference: `SoftTargetCrossEntropy` of timm.
 *
 * @param logits [B, classes]
 * @param targets [B, classes], rows summing to 1
 * @returns scalar, in nats
 * @throws RangeError if shapes disagree
 */
export function softTargetCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  const where = 'softTargetCrossEntropy'
  checkRows(where, 'logits', logits)
  checkRows(where, 'targets', targets)
  if (String(logits.shape) !== String(targets.shape)) {
    throw new RangeError(`${where}: expected targets of shape [${logits.shape}] as the logits, got [${targets.shape}].`)
  }
  return tf.tidy(() => tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1))) as tf.Scalar)
}

/**
 * Labels as distributions: `smoothing` is spread over all classes, the right one included, and the rest is the right one's.
 *
 * Szegedy et al. 2016, section 7.
 *
 * @param labels whole numbers from 0 to below `classes`, int32 [B]
 * @param smoothing share that is spread, from 0 to below 1; 0.1 in DeiT
 * @returns [B, classes], rows summing to 1
 */
export function smoothLabels(labels: tf.Tensor1D, classes: number, smoothing: number): tf.Tensor2D {
  if (!(Number.isInteger(classes) && classes >= 1)) {
    throw new RangeError(`smoothLabels: expected a whole number of classes, at least 1, got ${classes}.`)
  }
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new RangeError(`smoothLabels: expected smoothing from 0 to below 1, got ${smoothing}.`)
  }
  if (labels.rank !== 1 || labels.dtype !== 'int32') {
    throw new RangeError(`smoothLabels: expected labels as int32 [B], got ${labels.dtype} [${labels.shape}].`)
  }
  return tf.tidy(() => {
    const right = tf.cast(tf.oneHot(labels, classes), 'float32') // whole numbers first: the wasm backend knows no others here
    return tf.add(tf.mul(right, 1 - smoothing), smoothing / classes) as tf.Tensor2D
  })
}
