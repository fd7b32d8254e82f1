import * as tf from '@tensorflow/tfjs-core'

/** x / max(‖x‖, 1e-12) in each row, [rows, D]; the maximum is of the squares, so the gradient at a row of zeros is finite. */
export function unitRows(x: tf.Tensor2D): tf.Tensor2D {
  return tf.div(x, tf.sqrt(tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24)))
}
