import * as tf from '@tensorflow/tfjs-core'
import { checkCenter, checkRows } from './check.js'
import { center as defaults } from './defaults.js'

export interface CenterOptions {
  /** What is kept of the old center, from 0 to 1; 0.999 and above train badly. Default 0.9. */
  momentum?: number | tf.Scalar
}

/**
 * The center after a batch: momentum · center + (1 - momentum) · mean of the teacher's rows. Call it after the loss,
 * which takes the old one.
 *
 * Caron et al. 2021, eq. 4. Reference: `DINOLoss.update_center`.
 *
 * @param center [1, K]
 * @param teacher logits, uncentred, [2 · B, K]
 * @returns [1, K]
 * @throws RangeError if shapes disagree or the momentum is out of range
 */
export function updateCenter(
  center: tf.Tensor2D,
  teacher: tf.Tensor2D,
  { momentum = defaults.momentum }: CenterOptions = {},
): tf.Tensor2D {
  checkRows('updateCenter', 'teacher', teacher)
  checkCenter('updateCenter', center, teacher)
  if (typeof momentum === 'number' && !(momentum >= 0 && momentum <= 1)) {
    throw new RangeError(`updateCenter: expected momentum from 0 to 1, got ${momentum}`)
  }
  return tf.tidy('center', () =>
    tf.add(tf.mul(center, momentum), tf.mul(tf.mean(teacher, 0, true), tf.sub(1, momentum))),
  )
}
