import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compile, type HostTensor, openSession, type Session } from './index.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 })

const sessions: Record<string, Session> = {}
beforeAll(async () => {
  sessions.tensorflow = await openSession()
  sessions.cpu = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
  sessions.wasm = await openSession({ engine: 'eager', eagerBackend: 'wasm' })
})
afterAll(() => Promise.all(Object.values(sessions).map((session) => session.close())))

type T = tf.Tensor
// TensorFlow.js differentiates no comparison: they are made of something else.
const SIGNS = [1, -1, 1, 1]

/** What a vision transformer, its head, its loss and its optimizer are made of: [shape of x, shape of y, function]. */
const OPS: Record<string, [number[], number[], (x: T, y: T) => T]> = {
  add: [[2, 3], [3], (x, y) => tf.add(x, y)],
  sub: [[2, 3], [2, 1], (x, y) => tf.sub(x, y)],
  mul: [[2, 3], [2, 3], (x, y) => tf.mul(x, y)],
  div: [[2, 3], [1, 3], (x, y) => tf.div(x, tf.add(y, 3))],
  'matMul of matrices': [[4, 3], [3, 5], (x, y) => tf.matMul(x as tf.Tensor2D, y as tf.Tensor2D)],
  'matMul, second transposed': [[4, 3], [5, 3], (x, y) => tf.matMul(x, y, false, true)],
  'matMul, first transposed': [[3, 4], [3, 5], (x, y) => tf.matMul(x, y, true)],
  'matMul in batches': [[2, 2, 4, 3], [2, 2, 3, 5], (x, y) => tf.matMul(x, y)],
  'matMul in batches, transposed': [[2, 4, 3], [2, 5, 3], (x, y) => tf.matMul(x, y, false, true)],
  reshape: [[2, 6], [4, 3], (x, y) => tf.mul(tf.reshape(x, [4, 3]), y)],
  transpose: [[2, 3, 4], [4, 2, 3], (x, y) => tf.mul(tf.transpose(x, [2, 0, 1]), y)],
  softmax: [[2, 2, 5], [2, 2, 5], (x, y) => tf.mul(tf.softmax(x), y)],
  logSoftmax: [[3, 5], [3, 5], (x, y) => tf.mul(tf.logSoftmax(x), y)],
  'layer norm': [
    [4, 6],
    [6],
    (x, y) => {
      const { mean, variance } = tf.moments(x, -1, true)
      return tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-6))), y)
    },
  ],
  'gelu by erf': [
    [3, 4],
    [3, 4],
    (x, y) => tf.mul(tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2)))), y),
  ],
  relu: [[3, 4], [3, 4], (x, y) => tf.mul(tf.relu(x), y)],
  tanh: [[3, 4], [3, 4], (x, y) => tf.mul(tf.tanh(x), y)],
  exp: [[3, 4], [3, 4], (x, y) => tf.mul(tf.exp(x), y)],
  log: [[3, 4], [3, 4], (x, y) => tf.mul(tf.log(tf.add(tf.abs(x), 1)), y)],
  'sqrt and square': [[3, 4], [3, 4], (x, y) => tf.mul(tf.sqrt(tf.add(tf.square(x), 1)), y)],
  rsqrt: [[3, 4], [3, 4], (x, y) => tf.mul(tf.rsqrt(tf.add(tf.square(x), 1)), y)],
  'pow, abs and maximum': [[3, 4], [3, 4], (x, y) => tf.mul(tf.pow(tf.abs(x), 2), tf.maximum(y, 0.1))],
  minimum: [[3, 4], [3, 4], (x, y) => tf.minimum(x, y)],
  'sum over an axis': [[3, 4, 2], [3, 2], (x, y) => tf.mul(tf.sum(x, 1), y)],
  'mean, kept dimension': [[3, 4], [3, 1], (x, y) => tf.mul(tf.mean(x, 1, true), y)],
  max: [[3, 4], [3], (x, y) => tf.mul(tf.max(x, 1), y)],
  concat: [[2, 3], [4, 3], (x, y) => tf.square(tf.concat([x, y, x], 0))],
  'concat of tokens': [[2, 1, 3], [2, 4, 3], (x, y) => tf.square(tf.concat([x, y], 1))],
  'slice of tokens': [[2, 5, 3], [2, 1, 3], (x, y) => tf.mul(tf.slice(x, [0, 0, 0], [2, 1, 3]), y)],
  split: [[2, 6], [2, 3], (x, y) => tf.mul(tf.addN(tf.split(x, 2, 1)), y)],
  'stack and unstack': [[3, 2], [2], (x, y) => tf.mul(tf.stack(tf.unstack(x).reverse()), y)],
  'gather of rows': [[4, 3], [3, 3], (x, y) => tf.mul(tf.gather(x, tf.tensor1d([0, 2, 2], 'int32')), y)],
  tile: [[1, 3], [4, 3], (x, y) => tf.mul(tf.tile(x, [4, 1]), y)],
  broadcastTo: [[1, 1, 3], [2, 1, 3], (x, y) => tf.mul(tf.broadcastTo(x, [2, 1, 3]), y)],
  'expandDims and squeeze': [[2, 3], [3, 2], (x, y) => tf.mul(tf.squeeze(tf.expandDims(tf.transpose(x), 0), [0]), y)],
  pad: [[2, 3], [4, 5], (x, y) => tf.mul(tf.pad(x, [[1, 1], [0, 2]]), y)], // biome-ignore format: two axes
  'where and greater': [[3, 4], [3, 4], (x, y) => tf.where(tf.greater(SIGNS, 0), x, y)],
  'cast of a comparison': [[3, 4], [3, 4], (x, y) => tf.mul(x, tf.add(y, tf.cast(tf.less(SIGNS, 0), 'float32')))],
  'oneHot of argMax': [[3, 4], [3, 4], (x, y) => tf.mul(x, tf.cast(tf.oneHot(tf.argMax(y, 1), 4), 'float32'))],
  clipByValue: [[3, 4], [3, 4], (x, y) => tf.mul(tf.clipByValue(x, -0.5, 0.5), y)],
  sigmoid: [[3, 4], [3, 4], (x, y) => tf.mul(tf.sigmoid(x), y)],
  'convolution by patches': [
    [1, 4, 4, 3],
    [2, 2, 3, 5],
    (x, y) => tf.conv2d(x as tf.Tensor4D, y as tf.Tensor4D, 2, 'valid'),
  ],
  'a gradient of our own': [
    [3, 4],
    [3, 4],
    (x, y) =>
      tf.customGrad((a, b, save) => {
        ;(save as tf.GradSaveFunc)([a as T, b as T])
        return {
          value: tf.mul(a as T, b as T),
          gradFunc: (dy: T, [sa, sb]: T[]) => [tf.mul(dy, tf.mul(sb!, 2)), tf.mul(dy, tf.neg(sa!))],
        }
      })(x, y),
  ],
}

test.each(Object.entries(OPS))(
  '%s and its gradient are the same compiled, on cpu and on wasm',
  async (_, [xShape, yShape, op]) => {
    const fn = ({ x, y }: Record<string, T>) => {
      const { value, grads } = tf.valueAndGrads((a, b) => tf.sum(tf.mul(op(a!, b!), 1.5)))([x!, y!])
      return { outputs: { value, forward: op(x!, y!), dx: grads[0]!, dy: grads[1]! } }
    }
    const inputs = { x: { shape: xShape }, y: { shape: yShape } }
    const feeds = { x: wave(xShape, 1), y: wave(yShape, 2) }
    const results = await Promise.all(
      Object.values(sessions).map(async (session) => (await compile(fn, { session, inputs }))(feeds)),
    )
    const [compiled, ...others] = results
    for (const other of others) {
      for (const [name, expected] of Object.entries(other))
        expect(difference(compiled![name]!, expected), name).toBeLessThan(1e-5)
    }
  },
)

/** Values in [-1, 1] without ties. */
function wave(shape: number[], phase: number): HostTensor {
  const size = shape.reduce((a, b) => a * b, 1)
  return { dtype: 'float32', shape, data: Float32Array.from({ length: size }, (_, i) => Math.sin(phase + 1.7 * i)) }
}

function difference(actual: HostTensor, expected: HostTensor): number {
  if (`${actual.dtype}[${actual.shape}]` !== `${expected.dtype}[${expected.shape}]`) return Number.POSITIVE_INFINITY
  const [a, b] = [actual.data as Float32Array, expected.data as Float32Array]
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!))))
}
