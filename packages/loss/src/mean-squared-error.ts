import * as tf from '@tensorflow/tfjs-core'
import { views } from './check.js'
import { detached } from './detached.js'
import { countPairs, type PairOptions, pairedProducts } from './pairs.js'
import { unitRows } from './unit-rows.js'

/**
 * BYOL's loss: the squared distance of outputs of unit length, ‖s̄ - t̄‖² = 2 - 2 ⟨s̄, t̄⟩, the mean over pairs of views and the batch.
 * There is no temperature, and no gradient reaches the teacher.
 *
 * Grill et al. 2020 (BYOL), eq. 2; its total adds the two directions up where this takes their mean: twice this, with two views.
 * In Caron et al. 2021, table 7 ("MSE"), appendix B.
 *
 * @param student outputs [V · B, D]: view by view, the two global ones first
 * @param teacher outputs [2 · B, D] of the two global views; centre them before, if they are to be centred
 * @returns scalar, 0 (equal directions) to 4 (opposite ones)
 * @throws RangeError if shapes disagree
 */
export function meanSquaredError(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  { symmetric = true }: PairOptions = {},
): tf.Scalar {
  const { B, V } = views('meanSquaredError', student, teacher)
  return tf.tidy('loss', () => {
    const cosines = pairedProducts(unitRows(student), unitRows(detached(teacher)), V, symmetric) // [2, V, B]
    return tf.sub(2, tf.mul(tf.sum(cosines), 2 / (B * countPairs(V, symmetric))))
  })
}
