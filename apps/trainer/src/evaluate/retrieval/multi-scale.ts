import * as tf from '@tensorflow/tfjs-core'
import { type Embedder, type EmbedOptions, embedder } from '../../inspect/embed.js'
import { type BackboneConfig, features, featureWidth } from '../../train/backbone.js'

/** The reference's scales (METHOD.md, 1.16). */
export const SCALES = [1, Math.SQRT1_2, 0.5] as const

/**
 * The mean of an image's features at three scales.
 *
 * Reference: `multi_scale` in utils.py, which then divides by the norm of the whole batch. Features are compared by cosine, which that
 * changes nothing of, so it is left out.
 */
export function multiScaleEmbedder(options: EmbedOptions<BackboneConfig>): Promise<Embedder> {
  return embedder('multi-scale', options, featureWidth(options.config), (config, params, images) => {
    const all = SCALES.map((scale) => features(config, params, scale === 1 ? images : shrink(images, scale))) // [B, D]
    return tf.div(tf.addN(all), SCALES.length)
  })
}

/**
 * Images shrunk bilinearly by constant matrices, without antialiasing: PyTorch's
 * `interpolate(scale_factor, mode='bilinear', align_corners=False)`, whose step from pixel to pixel is 1 / scale whatever the rounded size.
 *
 * @param images [B, H, W, C]
 * @returns [B, ⌊scale · H⌋, ⌊scale · W⌋, C]
 */
export function shrink(images: tf.Tensor4D, scale: number): tf.Tensor4D {
  const [B, H, W, C] = images.shape
  const [h, w] = [Math.floor(H * scale), Math.floor(W * scale)]
  const rows = tf.tensor2d(shrinkMatrix(H, scale), [h, H])
  const columns = tf.tensor2d(shrinkMatrix(W, scale), [w, W])
  const byRow = tf.reshape(tf.transpose(images, [0, 2, 3, 1]), [B * W * C, H])
  const low = tf.reshape(tf.matMul(byRow, rows, false, true), [B, W, C, h])
  const byColumn = tf.reshape(tf.transpose(low, [0, 3, 2, 1]), [B * h * C, W])
  const small = tf.reshape(tf.matMul(byColumn, columns, false, true), [B, h, C, w])
  return tf.transpose(small, [0, 1, 3, 2]) as tf.Tensor4D
}

/** [⌊scale · from⌋, from] */
function shrinkMatrix(from: number, scale: number): Float32Array {
  const to = Math.floor(from * scale)
  const weights = new Float32Array(to * from)
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, (i + 0.5) / scale - 0.5)
    const first = Math.floor(at)
    const next = Math.min(first + 1, from - 1)
    weights[i * from + first]! += 1 - (at - first)
    weights[i * from + next]! += at - first
  }
  return weights
}
