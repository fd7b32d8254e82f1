import * as tf from '@tensorflow/tfjs-core'
import { checkTemperature, type Setting, views } from './check.js'
import { selfDistillation as defaults } from './defaults.js'
import { inverse, softmaxParts } from './softmax.js'

export interface CrossEntropyOptions {
  /** Softmax temperature of the student, above 0. Default 0.1. */
  studentTemp?: number | tf.Scalar
}

/**
 * The same loss for targets made in another way, for example by `sinkhornKnopp`.
 *
 * @param student logits [V · B, K]: view by view, the two global ones first
 * @param targets distributions [2 · B, K] of the two global views, rows summing to 1; no gradient reaches them
 * @returns scalar, in nats
 * @throws RangeError if shapes disagree or the temperature is not above 0
 */
export function crossEntropy(
  student: tf.Tensor2D,
  targets: tf.Tensor2D,
  { studentTemp = defaults.studentTemp }: CrossEntropyOptions = {},
): tf.Scalar {
  const { V } = views('crossEntropy', student, targets)
  checkTemperature('crossEntropy', 'studentTemp', studentTemp)
  return crossEntropyOf(student, () => targets, V, studentTemp)
}

/**
 * Pairs are summed by algebra, never laid out as [2V - 2, B, K]: with log P_s = x - log(sum) and Σ_k P_t = 1,
 * Σ_{i<2} Σ_{v≠i} -⟨P_t(i), log P_s(v)⟩ = Σ_v w_v log(sum_v) - Σ_{i<2} ⟨P_t(i), x(1-i) + Σ_{v≥2} x(v)⟩,
 * where w_v counts the pairs that view v is in: 1 for the global ones, 2 for the local ones. The gradient is written out:
 * (w_v P_s(v) - Σ_{i≠v} P_t(i)) / (studentTemp · B · n).
 *
 * @param makeTargets called where no gradient is recorded, so what it makes is detached
 */
export function crossEntropyOf(
  student: tf.Tensor2D,
  makeTargets: () => tf.Tensor2D,
  V: number,
  studentTemp: Setting,
): tf.Scalar {
  const [rows, K] = student.shape
  const B = rows / V
  const n = 2 * V - 2
  const loss = tf.customGrad((...args) => {
    const [student, save] = args as [tf.Tensor2D, tf.GradSaveFunc]
    const { x, exp, sum } = softmaxParts(student, studentTemp)
    const targets = tf.reshape(makeTargets(), [2, B, K])
    const [globals, locals] = splitViews(tf.reshape(x, [V, B, K])) // [2, B, K], [V - 2, B, K]
    const others = tf.reverse(globals, 0) // what each target is compared with
    const compared = locals ? tf.add(others, tf.sum(locals, 0)) : others // [2, B, K]
    const logSums = tf.mul(tf.log(tf.reshape(sum, [V, B])), pairsOfViews(V)) // [V, B]
    save([exp, sum, targets])
    return {
      value: tf.div(tf.sub(tf.sum(logSums), tf.sum(tf.mul(targets, compared))), B * n) as tf.Scalar,
      gradFunc: (dy, saved) => {
        const [exp, sum, targets] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor3D]
        const scale = tf.mul(dy, tf.div(inverse(studentTemp), B * n))
        const weights = tf.div(tf.reshape(pairsOfViews(V), [V, 1, 1]), tf.reshape(sum, [V, B, 1]))
        const attained = tf.mul(tf.reshape(exp, [V, B, K]), tf.mul(weights, scale)) // [V, B, K]
        const wanted = tf.mul(targets, scale) // [2, B, K]
        const [globals, locals] = splitViews(attained)
        const gradients = [tf.sub(globals, tf.reverse(wanted, 0))]
        if (locals) gradients.push(tf.sub(locals, tf.sum(wanted, 0)))
        return [tf.reshape(tf.concat(gradients, 0), [rows, K])]
      },
    }
  })
  return tf.tidy('loss', () => loss(student) as tf.Scalar)
}

/** [V, ...] into the two global views and the local ones, if any. */
function splitViews(x: tf.Tensor): [tf.Tensor, tf.Tensor | undefined] {
  const V = x.shape[0]
  return V === 2 ? [x, undefined] : (tf.split(x, [2, V - 2]) as [tf.Tensor, tf.Tensor])
}

/** How many of the pairs each view is the student's side of, [V, 1]. */
function pairsOfViews(V: number): tf.Tensor2D {
  return tf.tensor2d(
    Array.from({ length: V }, (_, v) => (v < 2 ? 1 : 2)),
    [V, 1],
  )
}
