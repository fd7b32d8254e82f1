import * as tf from '@tensorflow/tfjs-core'

/**
 * x Wᵀ + b.
 *
 * @param x [rows, in]
 * @param weight [out, in], as PyTorch stores it
 * @returns [rows, out]
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor2D {
  return tf.add(tf.matMul(x, weight as tf.Tensor2D, false, true), bias)
}

/**
 * GELU, exact: x Φ(x) with Φ(x) = (1 + erf(x / √2)) / 2, not the tanh approximation.
 *
 * Hendrycks & Gimpel 2016. The gradient is written out: Φ(x) + x φ(x), with φ the normal density; with t = x / √2, the
 * second term is t exp(-t²) / √π.
 */
export function gelu(x: tf.Tensor2D): tf.Tensor2D {
  return geluWithGradient(x) as tf.Tensor2D
}

const geluWithGradient = tf.customGrad((...args) => {
  const [x, save] = args as [tf.Tensor, tf.GradSaveFunc]
  save([x])
  return {
    value: tf.mul(x, normalCdf(tf.mul(x, Math.SQRT1_2))),
    gradFunc: (dy, saved) => {
      const t = tf.mul(saved[0]!, Math.SQRT1_2)
      const density = tf.exp(tf.sub(-0.5 * Math.log(Math.PI), tf.square(t)))
      return [tf.mul(dy, tf.add(normalCdf(t), tf.mul(t, density)))]
    },
  }
})

/** Φ(t √2). Computed again for the gradient: keeping it would take as much memory as all else that a block keeps of the MLP. */
function normalCdf(t: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(tf.erf(t), 0.5), 0.5)
}

/**
 * Batch normalisation with the statistics of the batch: each column centred, divided by √(biased variance + 1e-5),
 * then scaled and shifted.
 *
 * Ioffe & Szegedy 2015, algorithm 1. The gradient is written out: with x̂ the normalised column and g = dy · weight,
 * dx = (g - mean(g) - x̂ · mean(g x̂)) / σ.
 *
 * @param x [rows, D]
 * @returns [rows, D]
 */
export function batchNorm(x: tf.Tensor2D, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor2D {
  return batchNormWithGradient(x, weight, bias) as tf.Tensor2D
}

const batchNormWithGradient = tf.customGrad((...args) => {
  const [x, weight, bias, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
  const centred = tf.sub(x, tf.mean(x, 0))
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 0), 1e-5)) // [D]
  const normal = tf.mul(centred, inverse)
  save([normal, inverse, weight])
  return {
    value: tf.add(tf.mul(normal, weight), bias),
    gradFunc: (dy, saved) => {
      const [normal, inverse, weight] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
      const rows = dy.shape[0]
      const dWeight = tf.sum(tf.mul(dy, normal), 0) // [D]
      const dBias = tf.sum(dy, 0) // [D]
      // weight is constant down a column, so mean(g) = weight · dBias / rows, and so on.
      const across = tf.sub(tf.sub(dy, tf.div(dBias, rows)), tf.mul(normal, tf.div(dWeight, rows)))
      return [tf.mul(across, tf.mul(weight, inverse)), dWeight, dBias]
    },
  }
})

/**
 * x / max(‖x‖, 1e-12) in each row. The maximum is taken of the squares, so the gradient at a row of zeros is finite:
 * 1e12 times the one that comes in, as PyTorch's.
 *
 * @param x [rows, D]
 */
export function normalizeRows(x: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24) // [rows, 1]
  return tf.div(x, tf.sqrt(squares))
}

/**
 * A linear layer with weight normalisation and no bias: y_k = g_k ⟨v_k, x⟩ / ‖v_k‖.
 *
 * Salimans & Kingma 2016, eq. 2. The few logits are scaled instead of the K rows of v.
 *
 * @param x [rows, D]
 * @param v [K, D]
 * @param g [K, 1]
 * @returns [rows, K]
 */
export function weightNormLinear(x: tf.Tensor2D, v: tf.Tensor, g: tf.Tensor): tf.Tensor2D {
  const scale = tf.div(tf.reshape(g, [-1]), rowLengths(v)) // [K]
  return tf.mul(tf.matMul(x, v as tf.Tensor2D, false, true), scale)
}

/** ‖v‖ of each row, [K]. Its gradient v · (dy / ‖v‖) is written out: two passes over v where sum and square take five. */
const rowLengths = tf.customGrad((...args) => {
  const [v, save] = args as [tf.Tensor, tf.GradSaveFunc]
  const lengths = tf.sqrt(tf.sum(tf.square(v), 1)) // [K]
  save([v, lengths])
  return {
    value: lengths,
    gradFunc: (dy, saved) => {
      const [v, lengths] = saved as [tf.Tensor, tf.Tensor]
      return [tf.mul(v, tf.reshape(tf.div(dy, lengths), [-1, 1]))]
    },
  }
})
