import * as tf from '@tensorflow/tfjs-core'

/**
 * A convolution padded by half its kernel on every side, as PyTorch pads it.
 *
 * TensorFlow's `same` pads a stride of 2 on one side only, so images are padded before; and a kernel of one pixel is a plain
 * product, which needs no transposed weight.
 *
 * @param x [B, height, width, in]
 * @param weight [out, in, kernel, kernel], as PyTorch stores it; the kernel is odd
 * @returns [B, ⌈height / stride⌉, ⌈width / stride⌉, out]
 */
export function convolve(x: tf.Tensor4D, weight: tf.Tensor4D, stride: number): tf.Tensor4D {
  const [out, from, kernel] = weight.shape
  if (kernel === 1 && stride === 1) {
    const [B, height, width] = x.shape
    const rows = tf.reshape(x, [-1, from]) as tf.Tensor2D
    const product = tf.matMul(rows, tf.reshape(weight, [out, from]) as tf.Tensor2D, false, true)
    return tf.reshape(product, [B, height, width, out])
  }
  const filter = tf.transpose(weight, [2, 3, 1, 0]) // [kernel, kernel, in, out]
  if (stride === 1) return tf.conv2d(x, filter, 1, 'same')
  return tf.conv2d(padded(x, (kernel - 1) / 2), filter, stride, 'valid')
}

/**
 * The largest value in windows of 3 x 3, 2 apart.
 *
 * @param x [B, height, width, C], after a ReLU: the zeros around it are then as good as PyTorch's -∞
 * @returns [B, ⌈height / 2⌉, ⌈width / 2⌉, C]
 */
export function maxPool(x: tf.Tensor4D): tf.Tensor4D {
  return tf.maxPool(padded(x, 1), 3, 2, 'valid')
}

function padded(x: tf.Tensor4D, by: number): tf.Tensor4D {
  if (by === 0) return x
  return tf.pad(x, [
    [0, 0],
    [by, by],
    [by, by],
    [0, 0],
  ])
}
