import * as tf from '@tensorflow/tfjs-core'
import { checkCenter, checkTemperature, type Setting, views } from './check.js'
import { crossEntropyOf } from './cross-entropy.js'
import { selfDistillation as defaults } from './defaults.js'
import { teacherParts } from './softmax.js'

export interface SelfDistillationOptions {
  /** Softmax temperature of the student, above 0. Default 0.1. */
  studentTemp?: number | tf.Scalar
  /** Softmax temperature of the teacher this epoch, above 0; training is unstable above 0.07. Default 0.04. */
  teacherTemp?: number | tf.Scalar
}

/**
 * DINO's loss: how badly the student's view of an image predicts the teacher's other views, in nats.
 *
 * L = 1/n · Σ_{i<2} Σ_{v≠i} mean over the batch of -Σ_k P_t(i)_k log P_s(v)_k, with n = 2V - 2 pairs of views,
 * P_t = softmax((teacher - center) / teacherTemp) and P_s = softmax(student / studentTemp). No gradient reaches the
 * teacher or the center.
 *
 * Caron et al. 2021, eq. 3 and algorithm 1 (which subtracts the center; its text adds it). Reference: `DINOLoss`.
 *
 * @param student logits [V · B, K]: view by view, the two global ones first
 * @param teacher logits [2 · B, K] of the two global views
 * @param center [1, K], as it was before this batch
 * @returns scalar; uniform outputs cost ln K
 * @throws RangeError if shapes disagree or a temperature is not above 0
 */
export function selfDistillation(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  center: tf.Tensor2D,
  { studentTemp = defaults.studentTemp, teacherTemp = defaults.teacherTemp }: SelfDistillationOptions = {},
): tf.Scalar {
  const where = 'selfDistillation'
  const { V } = views(where, student, teacher)
  checkCenter(where, center, teacher)
  checkTemperature(where, 'studentTemp', studentTemp)
  checkTemperature(where, 'teacherTemp', teacherTemp)
  return crossEntropyOf(student, () => targets(teacher, center, teacherTemp), V, studentTemp)
}

function targets(teacher: tf.Tensor2D, center: tf.Tensor2D, teacherTemp: Setting): tf.Tensor2D {
  const { exp, sum } = teacherParts(teacher, center, teacherTemp)
  return tf.div(exp, sum)
}
