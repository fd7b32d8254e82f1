import { normals } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { checkRows, checkTemperature, type Setting, views } from './check.js'
import { infoNce as defaults } from './defaults.js'
import { detached } from './detached.js'
import { countPairs, mask, type PairOptions, pairedProducts } from './pairs.js'
import { inverse } from './softmax.js'
import { unitRows } from './unit-rows.js'

export interface InfoNceOptions extends PairOptions {
  /** Divides the cosines, above 0. Default 0.2 (MoCo-v2). */
  temperature?: number | tf.Scalar
}

/**
 * MoCo's contrastive loss: which of the keys is of the same image, its own or one of a queue of older ones?
 *
 * For each pair, -log( exp(⟨q, k⟩ / τ) / (exp(⟨q, k⟩ / τ) + Σ_n exp(⟨q, n⟩ / τ)) ) with all vectors at unit length; the mean over pairs of
 * views and the batch, in nats. No gradient reaches the teacher or the queue.
 *
 * He et al. 2020 (MoCo), eq. 1; Chen et al. 2020 (MoCo-v2), where τ = 0.2 and one view is the query, the other the key: `symmetric: false`.
 *
 * @param student outputs, the queries [V · B, D]: view by view, the two global ones first
 * @param teacher outputs, the keys [2 · B, D]
 * @param queue keys of earlier batches [M, D], as {@link updateQueue} keeps them
 * @returns scalar; ln(M + 1) when nothing is told apart
 * @throws RangeError if shapes disagree or the temperature is not above 0
 */
export function infoNce(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  queue: tf.Tensor2D,
  { temperature = defaults.temperature, symmetric = true }: InfoNceOptions = {},
): tf.Scalar {
  const { B, V } = views('infoNce', student, teacher)
  checkQueue('infoNce', queue, teacher)
  checkTemperature('infoNce', 'temperature', temperature)
  return tf.tidy('loss', () => {
    const scale: Setting = inverse(temperature)
    const queries = unitRows(student)
    const own = tf.mul(pairedProducts(queries, unitRows(detached(teacher)), V, symmetric), scale) // [2, V, B]
    const others = tf.mul(tf.matMul(queries, detached(queue), false, true), scale) // [V · B, M]
    const negatives = tf.reshape(tf.logSumExp(others, 1), [1, V, B])
    // log(exp(own) + exp(negatives)) - own = softplus(negatives - own)
    const cost = tf.mul(tf.softplus(tf.sub(negatives, own)), mask(V, symmetric))
    return tf.div(tf.sum(cost), B * countPairs(V, symmetric)) as tf.Scalar
  })
}

/**
 * The queue after a batch: its keys in front, the oldest left out. Call it after the loss, with the loss's `symmetric`: what was no key
 * there is none here, so that MoCo's one key an image makes B keys of a batch, and not 2 · B (He et al. 2020, algorithm 1).
 *
 * @param queue [M, D]
 * @param teacher outputs [2 · B, D]; of the keys, 2 · B or B, at most M
 * @returns [M, D] of unit length
 * @throws RangeError if shapes disagree
 */
export function updateQueue(
  queue: tf.Tensor2D,
  teacher: tf.Tensor2D,
  { symmetric = true }: PairOptions = {},
): tf.Tensor2D {
  checkRows('updateQueue', 'teacher', teacher)
  checkQueue('updateQueue', queue, teacher)
  const [M, D] = queue.shape
  const rows = teacher.shape[0]
  if (!symmetric && rows % 2 !== 0) {
    throw new RangeError(
      `updateQueue: expected teacher rows of two views, [2B,${D}], got [${teacher.shape}]. Pass both, as to the loss.`,
    )
  }
  const first = symmetric ? 0 : rows / 2 // pairs() leaves the first view of the teacher out
  const count = rows - first
  if (count > M) {
    throw new RangeError(
      `updateQueue: expected at most as many keys as the queue holds, ${M}, got ${count}. Enlarge it.`,
    )
  }
  return tf.tidy('queue', () => {
    const keys = unitRows(tf.slice2d(teacher, [first, 0], [count, D]))
    return count === M ? keys : tf.concat2d([keys, tf.slice2d(queue, [0, 0], [M - count, D])], 0)
  })
}

/**
 * A queue to begin with: random directions, as MoCo's. The caller disposes it.
 *
 * @param size M, keys
 * @param dim D, width of a key
 * @returns [M, D] of unit length
 */
export function initQueue(size: number, dim: number, seed: number): tf.Tensor2D {
  for (const [name, value] of Object.entries({ size, dim })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`initQueue: expected ${name} to be a whole number of 1 or more, got ${value}`)
    }
  }
  return tf.tidy(() => unitRows(tf.tensor2d(normals(seed, 'queue', size * dim, 1), [size, dim])))
}

function checkQueue(where: string, queue: tf.Tensor2D, teacher: tf.Tensor2D): void {
  checkRows(where, 'queue', queue)
  if (queue.shape[1] !== teacher.shape[1] || queue.shape[0] < 1) {
    throw new RangeError(`${where}: expected a queue of keys [M,${teacher.shape[1]}], got [${queue.shape}]`)
  }
}
