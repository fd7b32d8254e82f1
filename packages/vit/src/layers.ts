import * as tf from '@tensorflow/tfjs-core'

/**
 * x Wᵀ + b.
 *
 * @param x [rows, in]
 * @param weight [out, in], as PyTorch stores it
 * @returns [rows, out]
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor2D {
  return tf.add(product(x, weight), bias)
}

/** x Wᵀ, the same without a bias. */
export function product(x: tf.Tensor2D, weight: tf.Tensor): tf.Tensor2D {
  return tf.matMul(x, weight as tf.Tensor2D, false, true)
}

/**
 * Layer normalisation with epsilon 1e-6 and the biased variance: (x - mean) / √(var + ε) · weight + bias in each row.
 *
 * Ba et al. 2016, eq. 4. The gradient is written out: with x̂ = (x - mean) / σ and g = dy · weight,
 * dx = (g - mean(g) - x̂ · mean(g x̂)) / σ.
 *
 * @param x [rows, D]
 * @returns [rows, D]
 */
export function layerNorm(x: tf.Tensor2D, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor2D {
  return layerNormWithGradient(x, weight, bias) as tf.Tensor2D
}

const layerNormWithGradient = tf.customGrad((...args) => {
  const [x, weight, bias, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
  const centred = tf.sub(x, tf.mean(x, 1, true))
  const variance = tf.mean(tf.square(centred), 1, true) // [rows, 1]
  const inverse = tf.rsqrt(tf.add(variance, 1e-6)) // [rows, 1]
  const normal = tf.mul(centred, inverse)
  save([normal, inverse, weight])
  return {
    value: tf.add(tf.mul(normal, weight), bias),
    gradFunc: (dy, saved) => {
      const [normal, inverse, weight] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
      const dyNormal = tf.mul(dy, normal)
      const g = tf.mul(dy, weight)
      const along = tf.mean(tf.mul(g, normal), 1, true) // [rows, 1]
      const across = tf.sub(tf.sub(g, tf.mean(g, 1, true)), tf.mul(normal, along))
      return [tf.mul(across, inverse), tf.sum(dyNormal, 0), tf.sum(dy, 0)]
    },
  }
})

/**
 * q kᵀ / √d in each head. The queries are scaled, being fewer numbers than the products; the gradient, which is written out, does so
 * again and keeps no scaled copy.
 *
 * Vaswani et al. 2017, eq. 1.
 *
 * @param q [B, H, queries, d]
 * @param k [B, H, N, d]
 * @returns [B, H, queries, N]
 */
export function scaledProducts(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor4D {
  return scaledProductsWithGradient(q, k) as tf.Tensor4D
}

const scaledProductsWithGradient = tf.customGrad((...args) => {
  const [q, k, save] = args as [tf.Tensor, tf.Tensor, tf.GradSaveFunc]
  const scale = q.shape.at(-1)! ** -0.5
  save([q, k])
  return {
    value: tf.matMul(tf.mul(q, scale), k, false, true),
    gradFunc: (dy, saved) => {
      const [q, k] = saved as [tf.Tensor, tf.Tensor]
      return [tf.mul(tf.matMul(dy, k), scale), tf.mul(tf.matMul(dy, q, true), scale)]
    },
  }
})

/**
 * GELU of x + bias, exact: z Φ(z) with Φ(z) = (1 + erf(z / √2)) / 2, not the tanh approximation. Keeps x, a product as it comes, instead of
 * the sum.
 *
 * Hendrycks & Gimpel 2016. The gradient is written out: Φ(z) + z φ(z), with φ the normal density; with t = -z / √2, the
 * second term is -t exp(-t²) / √π, and Φ(z) = (1 - erf(t)) / 2. The sign is chosen so that a compiler does not take this Φ for that of a
 * GELU that is computed again, and keep it: that would take as much memory as all else that a block keeps of the MLP.
 */
export function gelu(x: tf.Tensor2D, bias: tf.Tensor): tf.Tensor2D {
  return geluWithGradient(x, bias) as tf.Tensor2D
}

const geluWithGradient = tf.customGrad((...args) => {
  const [x, bias, save] = args as [tf.Tensor, tf.Tensor, tf.GradSaveFunc]
  save([x, bias])
  const z = tf.add(x, bias)
  return {
    value: tf.mul(z, tf.add(tf.mul(tf.erf(tf.mul(z, Math.SQRT1_2)), 0.5), 0.5)),
    gradFunc: (dy, saved) => {
      const [x, bias] = saved as [tf.Tensor, tf.Tensor]
      const t = tf.mul(tf.add(x, bias), -Math.SQRT1_2)
      const cdf = tf.add(tf.mul(tf.erf(t), -0.5), 0.5)
      const density = tf.exp(tf.sub(-0.5 * Math.log(Math.PI), tf.square(t)))
      const dx = tf.mul(dy, tf.sub(cdf, tf.mul(t, density)))
      return [dx, tf.sum(dx, 0)]
    },
  }
})
