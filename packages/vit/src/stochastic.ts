import * as tf from '@tensorflow/tfjs-core'

/** Which images each branch computes: what `dropPathRows` lists, as tensors. */
export interface DropPathRows {
  /**
   * Of each branch, int32 [k]: the images that it computes, each once; those that it leaves out are dropped (the mask has 0 for them).
   * Undefined: all. Rows 2i and 2i + 1 are block i's attention and MLP.
   */
  rows: readonly (tf.Tensor1D | undefined)[]
  /** int32 [2 · depth, B]: of each image, its place among the branch's rows; any, for one that is not among them. */
  places: tf.Tensor2D
}

/** One branch's draws. */
interface Drawn {
  /** [B] of 0 or 1 / keep. */
  mask: tf.Tensor1D
  /** Of {@link DropPathRows}; none where all images are computed. */
  rows?: tf.Tensor1D
  places?: tf.Tensor1D
}

/**
 * A residual branch under stochastic depth: the rows of each image multiplied by its entry of the mask, those of dropped images left out
 * of the computation where the others are listed.
 *
 * @param x [B · N, D]
 * @param f from the tokens of so many images, [count · N, D], to [count · M, D]
 * @returns [B · M, D]
 */
export function stochastic(
  x: tf.Tensor2D,
  B: number,
  { mask, rows, places }: Drawn,
  f: (x: tf.Tensor2D, count: number) => tf.Tensor2D,
): tf.Tensor2D {
  const D = x.shape[1]
  if (!rows || !places) {
    const computed = tf.reshape(f(x, B), [B, -1, D])
    return tf.reshape(tf.mul(computed, tf.reshape(mask, [B, 1, 1])), [-1, D])
  }
  const count = rows.shape[0]
  const taken = take(tf.reshape(x, [B, -1]), rows, places, mask) // [count, N · D]
  const computed = f(tf.reshape(taken, [-1, D]), count)
  return tf.reshape(put(tf.reshape(computed, [count, -1]), rows, places, mask), [-1, D])
}

/**
 * The images that a branch computes, out of all: [k, …] of x [B, …].
 *
 * The gradient puts theirs back where they were, and 0 where none was taken, as it is when {@link put} multiplies by that mask.
 *
 * @param mask [B]: 0 for the images that are dropped
 */
function take(x: tf.Tensor2D, rows: tf.Tensor1D, places: tf.Tensor1D, mask: tf.Tensor1D): tf.Tensor2D {
  const taken = tf.customGrad((...args) => {
    const [x, save] = args as [tf.Tensor, tf.GradSaveFunc]
    save([places, mask])
    return {
      value: tf.gather(x, rows),
      gradFunc: (dy, saved) => {
        const [places, mask] = saved as [tf.Tensor1D, tf.Tensor1D]
        return tf.mul(tf.gather(dy, places), column(tf.sign(mask)))
      },
    }
  })
  return taken(x) as tf.Tensor2D
}

/**
 * A branch's output for its images [k, …], at the places of all, [B, …], and multiplied by their mask: what it would be had the branch
 * computed them all.
 *
 * @param mask [B] of 0 or 1 / keep
 */
function put(y: tf.Tensor2D, rows: tf.Tensor1D, places: tf.Tensor1D, mask: tf.Tensor1D): tf.Tensor2D {
  const placed = tf.customGrad((...args) => {
    const [y, save] = args as [tf.Tensor, tf.GradSaveFunc]
    save([rows, mask])
    return {
      value: tf.mul(tf.gather(y, places), column(mask)),
      gradFunc: (dy, saved) => {
        const [rows, mask] = saved as [tf.Tensor1D, tf.Tensor1D]
        return tf.gather(tf.mul(dy, column(mask)), rows)
      },
    }
  })
  return placed(y) as tf.Tensor2D
}

function column(x: tf.Tensor): tf.Tensor {
  return tf.reshape(x, [-1, 1])
}

export function checkRows(given: DropPathRows | undefined, mask: tf.Tensor2D | undefined, size: number[]): void {
  if (!given) return
  const { rows, places } = given
  if (!mask)
    throw new RangeError('vit: expected dropPathRows with the dropPath mask that they were listed of, got no mask')
  if (rows.length !== size[0] || String(places.shape) !== String(size) || places.dtype !== 'int32') {
    throw new RangeError(
      `vit: expected dropPathRows of ${size[0]} branches and int32 [${size}] places, got ${rows.length} and ${places.dtype} [${places.shape}]. Use dropPathRows()`,
    )
  }
}
