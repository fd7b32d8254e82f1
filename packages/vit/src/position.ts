import * as tf from '@tensorflow/tfjs-core'
import { gridSize, resolve, type VitConfig } from './config.js'

/**
 * Position embeddings for an image of any size.
 *
 * Those of the patches are resized bicubically from their square grid: out = R · grid · Cᵀ with two constant matrices,
 * so any backend runs it and the gradient is exact. [CLS]'s own is never resized.
 *
 * Reference: `interpolate_pos_encoding` in vision_transformer.py.
 *
 * @param embeddings [1, 1 + s², D]
 * @returns [1 + rows · columns, D]
 */
export function positionEmbeddings(
  config: VitConfig,
  embeddings: tf.Tensor,
  height: number,
  width: number,
): tf.Tensor2D {
  const { patchSize, interpolateOffset } = resolve(config)
  const [, count, D] = embeddings.shape as [number, number, number]
  const s = Math.sqrt(count - 1)
  const [rows, columns] = gridSize({ patchSize }, height, width)
  const all = tf.reshape(embeddings, [count, D]) as tf.Tensor2D
  // The reference's condition: an image as tall as wide with as many patches. So 34 x 33 pixels are resized (by a
  // ratio of 1.025 where s is 4) although 32 x 32 are not.
  if (rows * columns === s * s && height === width) return all

  const R = matrix(resizeMatrix(s, rows, interpolateOffset), rows, s)
  const C = matrix(resizeMatrix(s, columns, interpolateOffset), columns, s)
  const [cls, grid] = tf.split(all, [1, s * s]) as [tf.Tensor2D, tf.Tensor2D] // [1, D], [s², D]
  const tall = tf.reshape(tf.matMul(R, tf.reshape(grid, [s, s * D])), [rows, s, D])
  const turned = tf.reshape(tf.transpose(tall, [1, 0, 2]), [s, rows * D])
  const wide = tf.reshape(tf.matMul(C, turned), [columns, rows, D])
  const patches = tf.reshape(tf.transpose(wide, [1, 0, 2]), [rows * columns, D])
  return tf.concat2d([cls, patches as tf.Tensor2D], 0)
}

/**
 * The matrix [to, from] that resizes a row of samples bicubically, row-major, in double precision.
 *
 * PyTorch's `interpolate(mode='bicubic', align_corners=False)`: Keys' kernel with A = -0.75, no antialiasing, indices
 * clamped at the border; output i samples at (i + 0.5) · from / (to + offset) - 0.5.
 */
export function resizeMatrix(from: number, to: number, offset: number): Float64Array {
  const weights = new Float64Array(to * from)
  for (let i = 0; i < to; i++) {
    const at = ((i + 0.5) * from) / (to + offset) - 0.5
    const first = Math.floor(at) - 1
    for (let tap = first; tap < first + 4; tap++) {
      const index = Math.min(Math.max(tap, 0), from - 1)
      weights[i * from + index] += cubic(Math.abs(at - tap))
    }
  }
  return weights
}

/** Keys 1981, eq. 4 with a = -0.75. */
function cubic(x: number): number {
  const a = -0.75
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
}

function matrix(values: Float64Array, rows: number, columns: number): tf.Tensor2D {
  return tf.tensor2d(Float32Array.from(values), [rows, columns])
}
