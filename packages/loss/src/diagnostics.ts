import * as tf from '@tensorflow/tfjs-core'
import { checkCenter, checkTemperature, views } from './check.js'
import { crossEntropyOf } from './cross-entropy.js'
import { selfDistillation as defaults } from './defaults.js'
import type { SelfDistillationOptions } from './self-distillation.js'
import { meanEntropy, softmaxParts, teacherParts } from './softmax.js'

/** Scalars that tell a collapse; entropies in nats. */
export interface Diagnostics {
  /** h(P_t), the mean over rows: near 0 when one prototype takes all, near ln K when nothing is told apart. */
  teacherEntropy: tf.Scalar
  /** h(P_s), the mean over rows of all views. */
  studentEntropy: tf.Scalar
  /** KL(P_t ‖ P_s), the mean over the loss's pairs: the loss less h(P_t). Near 0 when both outputs are constant. */
  kl: tf.Scalar
  /** How many prototypes are the largest of some teacher row: from 1 to min(2B, K). */
  usedPrototypes: tf.Scalar
  /** The largest mean probability of a prototype over the teacher's rows: from 1 / K to 1. */
  largestShare: tf.Scalar
}

/**
 * What tells whether training goes well or collapses.
 *
 * Caron et al. 2021, section 5.3 and figure 7. Takes what the loss takes, and shares its intermediate results where
 * both are in one compiled graph.
 *
 * @param student logits [V · B, K], the two global views first
 * @param teacher logits [2 · B, K]
 * @param center [1, K]
 * @throws RangeError if shapes disagree or a temperature is not above 0
 */
export function diagnostics(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  center: tf.Tensor2D,
  { studentTemp = defaults.studentTemp, teacherTemp = defaults.teacherTemp }: SelfDistillationOptions = {},
): Diagnostics {
  const where = 'diagnostics'
  const { V } = views(where, student, teacher)
  checkCenter(where, center, teacher)
  checkTemperature(where, 'studentTemp', studentTemp)
  checkTemperature(where, 'teacherTemp', teacherTemp)
  return tf.tidy(() => {
    const parts = teacherParts(teacher, center, teacherTemp)
    const targets: tf.Tensor2D = tf.div(parts.exp, parts.sum)
    const teacherEntropy = meanEntropy(parts)
    const loss = crossEntropyOf(student, () => targets, V, studentTemp)
    return {
      teacherEntropy,
      studentEntropy: meanEntropy(softmaxParts(student, studentTemp)),
      kl: tf.sub(loss, teacherEntropy) as tf.Scalar,
      usedPrototypes: countDistinct(tf.argMax(parts.x, 1)),
      largestShare: tf.max(tf.mean(targets, 0)) as tf.Scalar,
    }
  })
}

/** How many different values: each row counts for one over how many rows share its value. */
function countDistinct(values: tf.Tensor1D): tf.Scalar {
  const same = tf.equal(tf.reshape(values, [-1, 1]), tf.reshape(values, [1, -1])) // [rows, rows]
  const sharing = tf.sum(tf.cast(same, 'float32'), 1) // [rows]
  return tf.round(tf.sum(tf.div(1, sharing)))
}
