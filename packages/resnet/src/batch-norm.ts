import * as tf from '@tensorflow/tfjs-core'
import { batchNorm as defaults } from './defaults.js'

/** Parameters and running statistics of one batch norm, [C] each. */
export interface Norm {
  weight: tf.Tensor
  bias: tf.Tensor
  mean: tf.Tensor
  variance: tf.Tensor
}

/**
 * Batch normalisation by running statistics: a multiplication and an addition a channel.
 *
 * @param x [rows, C]
 */
export function normByStatistics(x: tf.Tensor2D, { weight, bias, mean, variance }: Norm): tf.Tensor2D {
  const scale = tf.mul(weight, tf.rsqrt(tf.add(variance, defaults.epsilon))) // [C]
  return tf.add(tf.mul(x, scale), tf.sub(bias, tf.mul(mean, scale)))
}

/**
 * Batch normalisation by the batch's own mean and biased variance, and the running statistics after it: these take a tenth of the
 * batch's, with the unbiased variance.
 *
 * Ioffe & Szegedy 2015, algorithm 1. Reference: `torch.nn.BatchNorm2d` in training. The gradient is written out: with
 * x̂ = (x - mean) / σ, dx = weight / σ · (dy - mean(dy) - x̂ · mean(dy x̂)). None passes to the statistics.
 *
 * @param x [rows, C], two rows or more
 */
export function normByBatch(
  x: tf.Tensor2D,
  { weight, bias, mean, variance }: Norm,
): { y: tf.Tensor2D; mean: tf.Tensor; variance: tf.Tensor } {
  const rows = x.shape[0]
  if (rows < 2) {
    throw new RangeError(
      'resnet: expected two or more values a channel to take their variance, got 1. Use larger images or more of them',
    )
  }
  let batch!: [tf.Tensor, tf.Tensor] // a custom gradient returns one tensor, so these leave it this way
  const normalize = tf.customGrad((...args) => {
    const [x, weight, bias, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const batchMean = columnMean(x) // [C]
    const batchVariance = columnMean(tf.square(tf.sub(x, batchMean))) // [C]
    const inverse = tf.rsqrt(tf.add(batchVariance, defaults.epsilon)) // [C]
    const scale = tf.mul(weight, inverse)
    save([x, weight, batchMean, inverse])
    batch = [tf.keep(batchMean), tf.keep(batchVariance)]
    return {
      value: tf.add(tf.mul(centredAgain(x, batchMean), scale), bias),
      gradFunc: (dy, saved) => {
        const [x, weight, mean, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
        const along = columnMean(tf.mul(dy, tf.mul(tf.sub(x, mean), inverse))) // [C]
        const level = columnMean(dy) // [C]
        const normal = tf.mul(centredAgain(x, mean), inverse)
        const across = tf.sub(tf.sub(dy, level), tf.mul(normal, along))
        return [tf.mul(across, tf.mul(weight, inverse)), tf.mul(along, rows), tf.mul(level, rows)]
      },
    }
  })
  const y = normalize(x, weight, bias) as tf.Tensor2D
  const [batchMean, batchVariance] = batch
  const result = {
    y,
    mean: moved(mean, batchMean),
    variance: moved(variance, tf.mul(batchVariance, rows / (rows - 1))),
  }
  tf.dispose(batch)
  return result
}

/**
 * x - mean to the last bit, for a second reader. The sums over rows read x - mean first; as the same op it would be one tensor, which a
 * compiled graph writes to memory for the two of them: a third of what a step keeps.
 */
function centredAgain(x: tf.Tensor, mean: tf.Tensor): tf.Tensor {
  return tf.add(x, tf.neg(mean))
}

/**
 * The mean of each column, in two steps: a sum of thousands of values one by one, as the wasm backend takes it, loses two digits.
 *
 * @param x [rows, C]
 */
function columnMean(x: tf.Tensor): tf.Tensor {
  const [rows, C] = x.shape as [number, number]
  let part = Math.floor(Math.sqrt(rows))
  while (rows % part !== 0) part--
  return tf.mean(tf.mean(tf.reshape(x, [part, rows / part, C]), 1), 0)
}

function moved(running: tf.Tensor, batch: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(running, 1 - defaults.momentum), tf.mul(batch, defaults.momentum))
}
