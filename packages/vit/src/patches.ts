import * as tf from '@tensorflow/tfjs-core'
import { gridSize, type VitConfig } from './config.js'

/**
 * Projects each patch to the model's width: the reference's convolution with stride = kernel = patch, as one product.
 *
 * @param images [B, height, width, channels]
 * @param weight [D, channels, p, p], as PyTorch stores it
 * @param bias [D]
 * @returns [B · rows · columns, D], patches row by row
 */
export function embedPatches(
  { patchSize: p, channels }: Required<VitConfig>,
  images: tf.Tensor4D,
  weight: tf.Tensor,
  bias: tf.Tensor,
): tf.Tensor2D {
  const [B, height, width] = images.shape
  const D = weight.shape[0]
  const [rows, columns] = gridSize({ patchSize: p }, height, width)
  const whole = rows * p === height && columns * p === width
  const fitting = whole ? images : tf.slice(images, [0, 0, 0, 0], [B, rows * p, columns * p, channels])
  const strips = tf.reshape(fitting, [B, rows, p, columns, p * channels])
  const size = p * p * channels // a patch, as y, x, channel
  const patches = tf.reshape(tf.transpose(strips, [0, 1, 3, 2, 4]), [B * rows * columns, size]) as tf.Tensor2D
  const kernel = tf.reshape(tf.transpose(weight, [0, 2, 3, 1]), [D, size]) as tf.Tensor2D
  return tf.add(tf.matMul(patches, kernel, false, true), bias)
}
