import * as tf from '@tensorflow/tfjs-core'

/** max(x, 0). TensorFlow.js's own keeps x for the gradient; this one keeps the result, which the next layer keeps as well. */
export function relu<T extends tf.Tensor>(x: T): T {
  const apply = tf.customGrad((...args) => {
    const [x, save] = args as [tf.Tensor, tf.GradSaveFunc]
    const y = tf.relu(x)
    save([y])
    return {
      value: y,
      gradFunc: (dy, saved) => tf.mul(dy, tf.cast(tf.greater((saved as tf.Tensor[])[0]!, 0), 'float32')),
    }
  })
  return apply(x) as T
}
