import * as tf from '@tensorflow/tfjs-core'
import { views } from './check.js'
import { crossEntropy } from './cross-entropy.js'
import { swav as defaults } from './defaults.js'
import { sinkhornKnopp } from './sinkhorn.js'

export interface SwappedPredictionOptions {
  /** ε: temperature of the scores that become codes, above 0. Default 0.05. */
  epsilon?: number | tf.Scalar
  /** Softmax temperature of what predicts them, above 0. Default 0.1. */
  temperature?: number | tf.Scalar
  /** Rounds of Sinkhorn-Knopp. Default 3. */
  iterations?: number
}

/**
 * SwAV's loss: the code of one view, predicted from the others.
 *
 * A code is Sinkhorn-Knopp's assignment of one view's scores, each view by itself; the loss is DINO's cross-entropy of pairs. SwAV has no
 * teacher: pass the two global views' scores of the same network. No gradient reaches the codes.
 *
 * Caron et al. 2020 (SwAV), eq. 1 to 3; the reference takes codes from its two large crops alone, as here.
 *
 * @param student scores over prototypes [V · B, K]: view by view, the two global ones first
 * @param teacher scores that become codes [2 · B, K]
 * @returns scalar, in nats
 * @throws RangeError if shapes disagree or a setting is out of range
 */
export function swappedPrediction(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  {
    epsilon = defaults.epsilon,
    temperature = defaults.temperature,
    iterations = defaults.iterations,
  }: SwappedPredictionOptions = {},
): tf.Scalar {
  views('swappedPrediction', student, teacher)
  return tf.tidy('loss', () =>
    crossEntropy(student, assignViews(teacher, { teacherTemp: epsilon, iterations }), { studentTemp: temperature }),
  )
}

/** Sinkhorn-Knopp of each of the two global views by itself, as SwAV does; DINOv2 takes all rows together. */
export function assignViews(
  teacher: tf.Tensor2D,
  options: { teacherTemp: number | tf.Scalar; iterations: number },
): tf.Tensor2D {
  return tf.tidy(() =>
    tf.concat2d(
      tf.split(teacher, 2).map((view) => sinkhornKnopp(view as tf.Tensor2D, options)),
      0,
    ),
  )
}
