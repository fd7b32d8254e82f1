import * as tf from '@tensorflow/tfjs-core'

export interface PairOptions {
  /**
   * Which pairs of views are compared: each of the teacher's two with all the student's others (DINO, BYOL, SwAV), or, when false, the
   * teacher's second alone, as MoCo compares one query with one key. Default true.
   */
  symmetric?: boolean
}

/** 1 where the student's view is compared with the teacher's, [2][V]. */
export function pairs(V: number, symmetric: boolean): number[][] {
  return [0, 1].map((i) => Array.from({ length: V }, (_, v) => (v !== i && (symmetric || i === 1) ? 1 : 0)))
}

export function countPairs(V: number, symmetric: boolean): number {
  return symmetric ? 2 * V - 2 : V - 1
}

/**
 * ⟨student row, teacher row⟩ of the views that {@link pairs} compares, and 0 elsewhere.
 *
 * @param student [V · B, D], view by view
 * @param teacher [2 · B, D]
 * @returns [2, V, B]
 */
export function pairedProducts(student: tf.Tensor2D, teacher: tf.Tensor2D, V: number, symmetric: boolean): tf.Tensor3D {
  const D = student.shape[1]
  const B = student.shape[0] / V
  const [first, second] = tf.split(tf.reshape(teacher, [2, B, D]), 2) // [1, B, D] each
  const views = tf.reshape(student, [V, B, D])
  const products = tf.stack([first!, second!].map((keys) => tf.sum(tf.mul(views, keys), 2))) // [2, V, B]
  return tf.mul(products, mask(V, symmetric))
}

/** {@link pairs} as a tensor, [2, V, 1]. */
export function mask(V: number, symmetric: boolean): tf.Tensor3D {
  return tf.tensor3d(pairs(V, symmetric).flat(), [2, V, 1])
}
