import * as tf from '@tensorflow/tfjs-core'
import { checkCenter, checkRows, checkTemperature, type Setting, views } from './check.js'
import { crossEntropyOf } from './cross-entropy.js'
import { selfDistillation as defaults } from './defaults.js'
import type { SelfDistillationOptions } from './self-distillation.js'
import { meanEntropy, softmaxParts, teacherParts } from './softmax.js'
import { unitRows } from './unit-rows.js'

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
 * What diagnostics are made of: means over the images of a batch. Parts of equal size, on one machine or several, add up to the
 * whole batch's once each is multiplied by its share.
 */
export interface DiagnosticMeans {
  teacherEntropy: tf.Scalar
  studentEntropy: tf.Scalar
  kl: tf.Scalar
  /** Probability of each prototype, the mean over the teacher's rows, [K]. */
  share: tf.Tensor1D
  /** Share of the teacher's rows whose largest prototype this is, [K]. */
  votes: tf.Tensor1D
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
  options: SelfDistillationOptions = {},
): Diagnostics {
  return tf.tidy('diagnostics', () => ({ ...fromMeans(meansOf('diagnostics', student, teacher, center, options)) }))
}

/** The same as means, for a batch that is computed in parts. */
export function diagnosticMeans(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  center: tf.Tensor2D,
  options: SelfDistillationOptions = {},
): DiagnosticMeans {
  return tf.tidy('diagnostics', () => ({ ...meansOf('diagnosticMeans', student, teacher, center, options) }))
}

/**
 * The same for targets made in another way, for example by `sinkhornKnopp`.
 *
 * @param student logits [V · B, K], the two global views first
 * @param targets distributions [2 · B, K], rows summing to 1
 * @throws RangeError if shapes disagree or the temperature is not above 0
 */
export function targetDiagnosticMeans(
  student: tf.Tensor2D,
  targets: tf.Tensor2D,
  { studentTemp = defaults.studentTemp }: Pick<SelfDistillationOptions, 'studentTemp'> = {},
): DiagnosticMeans {
  const { V } = views('targetDiagnosticMeans', student, targets)
  checkTemperature('targetDiagnosticMeans', 'studentTemp', studentTemp)
  return tf.tidy('diagnostics', () => {
    const logs = tf.log(tf.maximum(targets, 1e-37)) // 0 · log 0 = 0
    const entropy = tf.neg(tf.mean(tf.sum(tf.mul(targets, logs), 1))) as tf.Scalar
    return { ...measure(student, { targets, ranks: targets, entropy }, V, studentTemp) }
  })
}

/** Diagnostics of a whole batch from its means. */
export function fromMeans({ teacherEntropy, studentEntropy, kl, share, votes }: DiagnosticMeans): Diagnostics {
  return tf.tidy('diagnostics', () => ({
    teacherEntropy: tf.clone(teacherEntropy),
    studentEntropy: tf.clone(studentEntropy),
    kl: tf.clone(kl),
    usedPrototypes: tf.sum(tf.cast(tf.greater(votes, 0), 'float32')) as tf.Scalar,
    largestShare: tf.max(share) as tf.Scalar,
  }))
}

function meansOf(
  where: string,
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  center: tf.Tensor2D,
  { studentTemp = defaults.studentTemp, teacherTemp = defaults.teacherTemp }: SelfDistillationOptions,
): DiagnosticMeans {
  const { V } = views(where, student, teacher)
  checkCenter(where, center, teacher)
  checkTemperature(where, 'studentTemp', studentTemp)
  checkTemperature(where, 'teacherTemp', teacherTemp)
  const parts = teacherParts(teacher, center, teacherTemp)
  const targets: tf.Tensor2D = tf.div(parts.exp, parts.sum)
  return measure(student, { targets, ranks: parts.x, entropy: meanEntropy(parts) }, V, studentTemp)
}

/** @param teacher its distributions, what orders their prototypes, and their mean entropy */
function measure(
  student: tf.Tensor2D,
  { targets, ranks, entropy }: { targets: tf.Tensor2D; ranks: tf.Tensor2D; entropy: tf.Scalar },
  V: number,
  studentTemp: Setting,
): DiagnosticMeans {
  const loss = crossEntropyOf(student, () => targets, V, studentTemp)
  const K = targets.shape[1]
  const largest = tf.cast(tf.oneHot(tf.argMax(ranks, 1) as tf.Tensor1D, K), 'float32') // [2B, K]
  return {
    teacherEntropy: entropy,
    studentEntropy: meanEntropy(softmaxParts(student, studentTemp)),
    kl: tf.sub(loss, entropy) as tf.Scalar,
    share: tf.mean(targets, 0),
    votes: tf.mean(largest, 0),
  }
}

/**
 * How far outputs are spread over the sphere: the standard deviation of each dimension of the rows at unit length, the mean over dimensions,
 * times √D. 1 when directions are spread evenly, 0 when all outputs point one way: a collapse, for losses without a softmax.
 *
 * Chen & He 2021 (SimSiam), section 4.1.
 *
 * @param outputs [rows, D]
 */
export function outputSpread(outputs: tf.Tensor2D): tf.Scalar {
  checkRows('outputSpread', 'outputs', outputs)
  return tf.tidy('diagnostics', () => {
    const unit = unitRows(outputs)
    const deviation = tf.sqrt(tf.mean(tf.square(tf.sub(unit, tf.mean(unit, 0, true))), 0)) // [D]
    return tf.mul(tf.mean(deviation), Math.sqrt(outputs.shape[1])) as tf.Scalar
  })
}
