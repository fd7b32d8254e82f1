// biome-ignore-all lint/performance/noDynamicNamespaceImportAccess: ops are listed by name
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compile, type HostTensor, openSession, type Session } from './index.js'
import { interceptKernels } from './intercept.js'
import { TRACE_BACKEND } from './kernels.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 })

let compiled: Session
let eager: Session
beforeAll(async () => {
  compiled = await openSession()
  eager = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
})
afterAll(() => Promise.all([compiled.close(), eager.close()]))

type T = tf.Tensor
type T1 = tf.Tensor1D
type T2 = tf.Tensor2D
type T4 = tf.Tensor4D
type T5 = tf.Tensor5D

/** Inputs in reach of every op: a vector, a matrix, an image, a volume, whole numbers and booleans. */
const INPUTS = {
  v: { shape: [6] },
  m: { shape: [3, 4] },
  p: { shape: [3, 4] }, // positive
  u: { shape: [3, 4] }, // in (-1, 1)
  image: { shape: [1, 6, 6, 2] },
  volume: { shape: [1, 4, 4, 4, 2] },
  i: { shape: [3, 4], dtype: 'int32' as const },
  b: { shape: [3, 4], dtype: 'bool' as const },
}
type In = Record<keyof typeof INPUTS, T>

/** An op for each kernel of tfjs-node-gpu. */
const OPS: Record<string, (x: In) => T | T[]> = {
  ...Object.fromEntries(
    (
      ['abs', 'ceil', 'cos', 'cosh', 'elu', 'erf', 'exp', 'expm1', 'floor', 'leakyRelu', 'neg', 'relu', 'relu6', 'round', 'selu', 'sigmoid',
       'sign', 'sin', 'sinh', 'softplus', 'square', 'tan', 'tanh', 'step', 'isFinite', 'isInf', 'isNaN', 'onesLike', 'zerosLike', 'atan', 'asinh',
       'softmax', 'logSoftmax', 'all', 'any', 'argMax', 'argMin', 'sum', 'mean', 'prod', 'max', 'min', 'cumsum', 'cumprod', 'clone', 'transpose',
      ] as const // biome-ignore format: a list of names
    )
      .map((name) => [name, ({ m, b }: In) => (tf[name] as (x: T) => T)(name === 'all' || name === 'any' ? b : m)]),
  ),
  ...Object.fromEntries(
    (['log', 'log1p', 'sqrt', 'rsqrt', 'reciprocal'] as const).map((name) => [name, ({ p }: In) => tf[name](p)]),
  ),
  ...Object.fromEntries((['acos', 'asin', 'atanh'] as const).map((name) => [name, ({ u }: In) => tf[name](u)])),
  ...Object.fromEntries(
    (['add', 'sub', 'mul', 'div', 'divNoNan', 'mod', 'maximum', 'minimum', 'atan2', 'squaredDifference', 'equal', 'notEqual',
      'greater', 'greaterEqual', 'less', 'lessEqual', 'prelu'] as const // biome-ignore format: a list of names
    )
      .map((name) => [name, ({ m, p }: In) => tf[name](m, p) as T]),
  ),
  acosh: ({ p }) => tf.acosh(tf.add(p, 1)),
  addN: ({ m, p }) => tf.addN([m, p, m]),
  avgPool: ({ image }) => tf.avgPool(image as T4, 2, 2, 'valid'),
  'avgPool, gradient': ({ image }) => tf.grad((x) => tf.sum(tf.square(tf.avgPool(x as T4, 2, 2, 'same'))))(image),
  avgPool3d: ({ volume }) => tf.avgPool3d(volume as T5, 2, 2, 'valid'),
  'avgPool3d, gradient': ({ volume }) =>
    tf.grad((x) => tf.sum(tf.square(tf.avgPool3d(x as T5, 2, 2, 'valid'))))(volume),
  batchNorm: ({ image }) =>
    tf.batchNorm(
      image as T4,
      tf.tensor1d([0.1, 0.2]),
      tf.tensor1d([1, 2]),
      tf.tensor1d([0.3, 0.4]),
      tf.tensor1d([1, 2]),
    ),
  batchToSpaceND: ({ image }) => tf.batchToSpaceND(tf.concat([image, image, image, image]), [2, 2], [[0, 0], [0, 0]]), // biome-ignore format: pairs
  bincount: ({ i, v }) => tf.bincount(tf.reshape(tf.slice(i, [0, 0], [1, 4]), [4]), tf.slice(v, 0, 4) as T1, 8),
  broadcastArgs: () => tf.broadcastArgs(tf.tensor1d([2, 1], 'int32'), tf.tensor1d([3], 'int32')) as T,
  broadcastTo: ({ v }) => tf.broadcastTo(tf.reshape(v, [1, 6]), [2, 6]),
  cast: ({ m, b }) => [tf.cast(m, 'int32'), tf.cast(b, 'float32')],
  clipByValue: ({ m }) => tf.clipByValue(m, -0.5, 0.5),
  complex: ({ m, p }) => [tf.real(tf.complex(m, p)), tf.imag(tf.complex(m, p)), tf.abs(tf.complex(m, p))],
  concat: ({ m, p }) => tf.concat([m, p], 1),
  conv2d: ({ image }) => tf.conv2d(image as T4, filter([3, 3, 2, 4]) as T4, 1, 'same'),
  'conv2d, gradient': ({ image }) =>
    tf.grads((x, f) => tf.sum(tf.square(tf.conv2d(x as T4, f as T4, 2, 'same'))))([image, filter([3, 3, 2, 4])]),
  conv3d: ({ volume }) => tf.conv3d(volume as T5, filter([2, 2, 2, 2, 3]) as T5, 1, 'valid'),
  'conv3d, gradient': ({ volume }) =>
    tf.grads((x, f) => tf.sum(tf.square(tf.conv3d(x as T5, f as T5, 1, 'valid'))))([volume, filter([2, 2, 2, 2, 3])]),
  cropAndResize: ({ image }) =>
    tf.image.cropAndResize(image as T4, tf.tensor2d([[0.1, 0.1, 0.9, 0.8]]), tf.tensor1d([0], 'int32'), [3, 3]),
  depthToSpace: ({ image }) => tf.depthToSpace(tf.concat([image, image], 3) as T4, 2),
  depthwiseConv2d: ({ image }) => tf.depthwiseConv2d(image as T4, filter([3, 3, 2, 2]) as T4, 1, 'same'),
  'depthwiseConv2d, gradient': ({ image }) =>
    tf.grads((x, f) => tf.sum(tf.square(tf.depthwiseConv2d(x as T4, f as T4, 1, 'same'))))([
      image,
      filter([3, 3, 2, 2]),
    ]),
  diag: ({ v }) => tf.diag(v),
  dilation2d: ({ image }) => tf.dilation2d(image as T4, filter([2, 2, 2]) as tf.Tensor3D, 1, 'valid'),
  'dilation2d, gradient': ({ image }) =>
    tf.grads((x, f) => tf.sum(tf.square(tf.dilation2d(x as T4, f as tf.Tensor3D, 1, 'valid'))))([
      image,
      filter([2, 2, 2]),
    ]),
  einsum: ({ m, p }) => tf.einsum('ij,kj->ik', m, p),
  'elu, gradient': ({ m }) => tf.grad((x) => tf.sum(tf.elu(x)))(m),
  expandDims: ({ m }) => tf.expandDims(m, 1),
  fft: ({ m, p }) => [tf.real(tf.spectral.fft(tf.complex(m, p))), tf.imag(tf.spectral.ifft(tf.complex(m, p)))],
  floorDiv: ({ i }) => tf.floorDiv(i, tf.scalar(3, 'int32')),
  fill: ({ m }) => tf.add(m, tf.fill([3, 4], 2)),
  flipLeftRight: ({ image }) => tf.image.flipLeftRight(image as T4),
  fusedConv2d: ({ image }) =>
    tf.fused.conv2d({
      x: image as T4,
      filter: filter([3, 3, 2, 4]) as T4,
      strides: 1,
      pad: 'same',
      bias: tf.tensor1d([1, 2, 3, 4]),
      activation: 'relu',
    }),
  fusedDepthwise: ({ image }) =>
    tf.fused.depthwiseConv2d({
      x: image as T4,
      filter: filter([3, 3, 2, 1]) as T4,
      strides: 1,
      pad: 'same',
      activation: 'relu6',
    }),
  fusedMatMul: ({ m, p }) =>
    tf.fused.matMul({ a: m, b: p, transposeB: true, bias: tf.tensor1d([1, 2, 3]), activation: 'sigmoid' }),
  gather: ({ m, i }) => tf.gather(m, tf.cast(tf.reshape(tf.minimum(i, 2), [12]), 'int32') as T1),
  gatherND: ({ m }) => tf.gatherND(m, tf.tensor2d([[0, 1], [2, 3]], [2, 2], 'int32')), // biome-ignore format: pairs
  linspace: ({ m }) => tf.add(m, tf.linspace(0, 1, 4)),
  localResponseNormalization: ({ image }) => tf.localResponseNormalization(image as T4, 1),
  'localResponseNormalization, gradient': ({ image }) =>
    tf.grad((x) => tf.sum(tf.localResponseNormalization(x as T4, 1)))(image),
  logicalAnd: ({ b }) => [tf.logicalAnd(b, tf.logicalNot(b)), tf.logicalOr(b, b), tf.logicalXor(b, b)],
  squeeze: ({ m }) => tf.squeeze(tf.reshape(m, [3, 1, 4])),
  matMul: ({ m, p }) => tf.matMul(m as T2, p as T2, false, true),
  maxPool: ({ image }) => tf.maxPool(image as T4, 2, 2, 'valid'),
  'maxPool, gradient': ({ image }) => tf.grad((x) => tf.sum(tf.square(tf.maxPool(x as T4, 2, 2, 'valid'))))(image),
  maxPool3d: ({ volume }) => tf.maxPool3d(volume as T5, 2, 2, 'valid'),
  'maxPool3d, gradient': ({ volume }) =>
    tf.grad((x) => tf.sum(tf.square(tf.maxPool3d(x as T5, 2, 2, 'valid'))))(volume),
  mirrorPad: ({ m }) => tf.mirrorPad(m, [[1, 1], [2, 2]], 'reflect'), // biome-ignore format: pairs
  nonMaxSuppression: () => {
    const boxes = tf.tensor2d([[0, 0, 1, 1], [0, 0, 0.9, 1], [2, 2, 3, 3]]) // biome-ignore format: rows
    return tf.image.nonMaxSuppressionPadded(boxes, tf.tensor1d([0.9, 0.8, 0.7]), 3, 0.5, 0, true).validOutputs as T
  },
  oneHot: ({ i }) => tf.oneHot(i, 8),
  pad: ({ m }) => tf.pad(m, [[1, 0], [0, 2]], 3), // biome-ignore format: pairs
  pow: ({ p }) => tf.pow(p, 1.5),
  range: ({ m }) => tf.add(m, tf.range(0, 4)),
  'relu, gradients': ({ m }) => [
    tf.grad((x) => tf.sum(tf.relu(x)))(m),
    tf.grad((x) => tf.sum(tf.relu6(x)))(m),
    tf.grad((x) => tf.sum(tf.selu(x)))(m),
    tf.grad((x) => tf.sum(tf.leakyRelu(x)))(m),
  ],
  reshape: ({ m }) => tf.reshape(m, [2, -1]),
  resizeBilinear: ({ image }) => tf.image.resizeBilinear(image as T4, [9, 4]),
  'resizeBilinear, gradient': ({ image }) =>
    tf.grad((x) => tf.sum(tf.square(tf.image.resizeBilinear(x as T4, [3, 3]))))(image),
  resizeNearestNeighbor: ({ image }) => tf.image.resizeNearestNeighbor(image as T4, [12, 3]),
  'resizeNearestNeighbor, gradient': ({ image }) =>
    tf.grad((x) => tf.sum(tf.square(tf.image.resizeNearestNeighbor(x as T4, [3, 3]))))(image),
  reverse: ({ m }) => tf.reverse(m, [0]),
  scatterND: ({ v }) => tf.scatterND(tf.tensor2d([[1], [3]], [2, 1], 'int32'), tf.slice(v, 0, 2), [5]),
  slice: ({ m }) => tf.slice(m, [1, 0], [2, 3]),
  spaceToBatchND: ({ image }) => tf.spaceToBatchND(image, [2, 2], [[0, 0], [0, 0]]), // biome-ignore format: pairs
  sparseToDense: ({ v }) => tf.sparseToDense(tf.tensor1d([1, 3], 'int32'), tf.slice(v, 0, 2), [5], 0),
  split: ({ m }) => tf.split(m, [1, 3], 1),
  stack: ({ m, p }) => tf.stack([m, p], 1),
  stridedSlice: ({ m }) => tf.stridedSlice(m, [0, 1], [3, 4], [2, 2]),
  tensorScatterUpdate: ({ v }) => tf.tensorScatterUpdate(v, tf.tensor2d([[1]], [1, 1], 'int32'), tf.slice(v, 4, 1)),
  tile: ({ m }) => tf.tile(m, [2, 1]),
  topk: ({ m }) => Object.values(tf.topk(m, 2)) as T[],
  unsortedSegmentSum: ({ m }) => tf.unsortedSegmentSum(m, tf.tensor1d([0, 1, 0], 'int32'), 2),
  unstack: ({ m }) => tf.unstack(m, 1),
  where: ({ b, m, p }) => tf.where(b, m, p),
}

/** Kernels that a compiled function cannot have, and one that has no fixed result. */
const OUT_OF_REACH: Record<string, string> = {
  Multinomial: 'draws random numbers in the engine: nothing to compare with',
  NonMaxSuppressionV3: 'its shape depends on values',
  NonMaxSuppressionV5: 'its shape depends on values',
  StaticRegexReplace: 'strings',
  Unique: 'its shape depends on values',
}

const traced = new Set<string>()

test.each(Object.entries(OPS))('%s', async (_, op) => {
  const fn = (x: Record<string, T>) => {
    const stop = interceptKernels((kernel, run) => {
      traced.add(kernel)
      return run()
    })
    try {
      const result = op(x as In)
      const outputs = Array.isArray(result) ? result : [result]
      return { outputs: Object.fromEntries(outputs.map((tensor, i) => [String(i), tensor])) }
    } finally {
      stop()
    }
  }
  const [actual, expected] = await Promise.all(
    [compiled, eager].map(async (session) => (await compile(fn, { session, inputs: INPUTS, name: 'op' }))(FEEDS)),
  )
  for (const [name, { dtype, shape, data }] of Object.entries(expected!)) {
    expect(`${actual![name]!.dtype}[${actual![name]!.shape}]`).toBe(`${dtype}[${shape}]`)
    const values = actual![name]!.data as Float32Array
    for (const [i, value] of (data as Float32Array).entries()) expect(values[i]).toBeCloseTo(value, 4)
  }
})

test('every kernel of tfjs-node-gpu was traced, or is out of reach', () => {
  const missing = tf
    .getKernelsForBackend(TRACE_BACKEND)
    .map(({ kernelName }) => kernelName)
    .filter((name) => !traced.has(name))
  expect(missing.sort()).toEqual(Object.keys(OUT_OF_REACH).sort())
})

const floats = (shape: number[], f: (i: number) => number): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
})
const FEEDS = {
  v: floats([6], (i) => Math.sin(i + 1)),
  m: floats([3, 4], (i) => 1.3 * Math.sin(1.7 * i + 0.4)),
  p: floats([3, 4], (i) => 0.3 + 0.21 * i),
  u: floats([3, 4], (i) => 0.9 * Math.sin(1.7 * i + 0.4)),
  image: floats([1, 6, 6, 2], (i) => Math.sin(1.7 * i)),
  volume: floats([1, 4, 4, 4, 2], (i) => Math.sin(1.7 * i)),
  i: Int32Array.from({ length: 12 }, (_, i) => (i * 5) % 8),
  b: Uint8Array.from({ length: 12 }, (_, i) => Number(i % 3 === 0)),
}

function filter(shape: number[]): T {
  return tf.tensor(floats(shape, (i) => Math.cos(2.3 * i)).data as Float32Array, shape)
}
