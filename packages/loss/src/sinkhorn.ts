import * as tf from '@tensorflow/tfjs-core'
import { checkRows, checkTemperature } from './check.js'
import { sinkhorn as defaults } from './defaults.js'

export interface SinkhornOptions {
  /** Temperature of the teacher's logits, above 0. Default 0.04. */
  teacherTemp?: number | tf.Scalar
  /** Rounds of normalising prototypes, then rows. Default 3. */
  iterations?: number
}

/**
 * Targets that use the prototypes equally: Sinkhorn-Knopp instead of centering.
 *
 * exp(teacher / teacherTemp) with columns, then rows, divided by their sums, a few times over. Computed on
 * logarithms, so logits of any size stay finite, which the reference's exponentials do not.
 *
 * Caron et al. 2020 (SwAV), section 3.1. Reference: `sinkhorn_knopp_teacher` of DINOv2.
 *
 * @param teacher logits of the whole batch [rows, K]
 * @returns distributions [rows, K]
 * @throws RangeError for a temperature not above 0 or fewer than one iteration
 */
export function sinkhornKnopp(
  teacher: tf.Tensor2D,
  { teacherTemp = defaults.teacherTemp, iterations = defaults.iterations }: SinkhornOptions = {},
): tf.Tensor2D {
  checkRows('sinkhornKnopp', 'teacher', teacher)
  checkTemperature('sinkhornKnopp', 'teacherTemp', teacherTemp)
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw new RangeError(`sinkhornKnopp: expected iterations of at least 1, got ${iterations}`)
  }
  return tf.tidy(() => {
    let logs: tf.Tensor2D = tf.div(teacher, teacherTemp) // [rows, K]
    for (let i = 0; i < iterations; i++) {
      logs = tf.sub(logs, tf.logSumExp(logs, 0, true)) // each prototype's column
      logs = tf.sub(logs, tf.logSumExp(logs, 1, true)) // each row
    }
    return tf.exp(logs)
  })
}

/**
 * Targets by a softmax over the batch, then each row divided by its sum: one round of Sinkhorn-Knopp.
 *
 * Caron et al. 2021, table 15 ("softmax(batch)") and appendix C.
 *
 * @param teacher logits of the whole batch [rows, K]
 * @returns distributions [rows, K]
 * @throws RangeError for a temperature not above 0
 */
export function softmaxOverBatch(
  teacher: tf.Tensor2D,
  { teacherTemp = defaults.teacherTemp }: Pick<SinkhornOptions, 'teacherTemp'> = {},
): tf.Tensor2D {
  return sinkhornKnopp(teacher, { teacherTemp, iterations: 1 })
}
