import * as tf from '@tensorflow/tfjs-core'
import { type NodeBackend, TRACE_BACKEND } from './kernels.js'

/**
 * Runs fn(x, ...params) without keeping what is inside for its gradient: the gradient computes it again. Takes less memory and more
 * time, and gives the same numbers. Wrap the blocks of a model one by one: what is kept are their inputs, and the inside of one.
 *
 * Works traced and eagerly. Without a gradient it just calls fn.
 *
 * Chen et al. 2016, "Training deep nets with sublinear memory cost".
 *
 * @param fn pure, and called twice; what it takes from elsewhere gets no gradient, and must still be there the second time
 * @param x what goes in
 * @param params the other tensors that need a gradient; fn must depend on each
 */
export function recompute<X extends tf.Tensor, Y extends tf.Tensor>(
  fn: (x: X, ...params: tf.Tensor[]) => Y,
  x: X,
  params: readonly tf.Tensor[] = [],
): Y {
  const call = fn as unknown as (...inputs: tf.Tensor[]) => tf.Tensor
  const wrapped = tf.customGrad((...args) => {
    const save = args.at(-1) as tf.GradSaveFunc
    const inputs = args.slice(0, -1) as tf.Tensor[]
    save(inputs)
    return {
      value: tf.tidy(() => call(...inputs)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, ...params] = saved as [tf.Tensor, ...tf.Tensor[]]
        const [again] = together([x, dy]) as [tf.Tensor, tf.Tensor]
        return withTapeKept(() => tf.grads(call)([again, ...params], dy))
      },
    }
  })
  return wrapped(x, ...params) as Y
}

/**
 * The same tensors, each there once all are: what is made of one does not begin, and take memory, before the last. Eagerly that goes
 * without saying.
 *
 * Here this is what keeps the second computation apart from the first: it starts when the gradient arrives and not before, and no pass
 * sees the same inputs twice and merges the two.
 */
export function together(tensors: tf.Tensor[]): tf.Tensor[] {
  if (tf.getBackend() !== TRACE_BACKEND) return tensors
  const backend = tf.backend() as unknown as NodeBackend
  const made = backend.binding.executeOp('IdentityN', [], backend.getInputTensorIds(tensors), tensors.length)
  return made.map((metadata) => backend.createOutputTensor(metadata) as tf.Tensor)
}

/** TensorFlow.js drops the tape when a gradient is done, also when that gradient is part of another. */
function withTapeKept<T>(f: () => T): T {
  const { state } = tf.engine() as unknown as { state: { activeTape: unknown } }
  const { activeTape } = state
  try {
    return f()
  } finally {
    state.activeTape = activeTape
  }
}
