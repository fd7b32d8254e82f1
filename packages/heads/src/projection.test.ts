import '@tensorflow/tfjs'
import { cases, golden, largestDifference, load } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { type Params, type ProjectionConfig, projection } from './index.js'

const config: ProjectionConfig = { inDim: 8, outDim: 12, hiddenDim: 10, bottleneckDim: 4 }
const features = (rows: number) => tf.reshape(tf.sin(tf.range(0, rows * 8)), [rows, 8]) as tf.Tensor2D

test('the default head on 384 features has as many parameters as the reference', () => {
  const sizes = Object.entries(projection.shapes({ inDim: 384 })).map(
    ([name, shape]) => [name, shape.reduce((product, length) => product * length, 1)] as const,
  )
  const mlp = sizes.filter(([name]) => name.startsWith('mlp.')).reduce((sum, [, size]) => sum + size, 0)
  expect(mlp).toBe(golden().params['head D=384 K=65536'].mlp)
  expect(mlp).toBe(5_509_376)
  expect(sizes.slice(-2)).toEqual([
    ['last_layer.weight_g', 65_536],
    ['last_layer.weight_v', 16_777_216],
  ])
})

interface HeadCase {
  config: Record<'in_dim' | 'out_dim' | 'nlayers' | 'hidden_dim' | 'bottleneck_dim', number> & { use_bn: boolean }
}

test.each(cases<HeadCase>('head'))('$name has the names and shapes of the reference', (fixture) => {
  const { in_dim, out_dim, hidden_dim, bottleneck_dim, nlayers, use_bn } = fixture.config
  const own = { inDim: in_dim, outDim: out_dim, hiddenDim: hidden_dim, bottleneckDim: bottleneck_dim }
  const expected = Object.entries(load(fixture)).filter(
    ([name]) => name.startsWith('param.') && !/\.(running_mean|running_var|num_batches_tracked)$/.test(name),
  )
  expect(projection.shapes({ ...own, nlayers, useBn: use_bn })).toEqual(
    Object.fromEntries(expected.map(([name, { shape }]) => [name.slice('param.'.length), shape])),
  )
})

test('initial values follow the reference: N(0, .02), prototypes uniform, lengths and norms 1, biases 0', () => {
  const wide = { inDim: 64, outDim: 512, hiddenDim: 128, bottleneckDim: 256, useBn: true }
  const params = projection.init(wide, 0)
  expect(Object.keys(params)).toEqual(Object.keys(projection.shapes(wide)))
  for (const [name, tensor] of Object.entries(params)) {
    const values = tensor.dataSync<'float32'>()
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)
    const error = 4 / Math.sqrt(2 * values.length)
    if (name === 'last_layer.weight_v') {
      expect(values.every((x) => Math.abs(x) <= 1 / 16)).toBe(true)
      expect(Math.abs((deviation * Math.sqrt(3)) / (1 / 16) - 1)).toBeLessThan(error)
    } else if (name.endsWith('.bias')) expect(deviation).toBe(0)
    else if (tensor.rank === 1 || name === 'last_layer.weight_g') expect(new Set(values)).toEqual(new Set([1]))
    else expect(Math.abs(deviation / 0.02 - 1), name).toBeLessThan(error)
  }
  expect(projection.init(wide, 0)['mlp.0.weight'].dataSync()).toEqual(params['mlp.0.weight'].dataSync())
  expect(projection.init(wide, 1)['mlp.0.weight'].dataSync()).not.toEqual(params['mlp.0.weight'].dataSync())
})

test('logits are cosines while g is 1', () => {
  const logits = projection.apply(config, projection.init(config, 0), features(6)).dataSync<'float32'>()
  expect(logits.every((y) => Math.abs(y) <= 1 + 1e-6)).toBe(true)
})

test('ReLU and GELU differ, and so do batch statistics', () => {
  const logits = (changed: Partial<ProjectionConfig>) => {
    const own = { ...config, ...changed }
    return projection.apply(own, projection.init(own, 0), features(6)).dataSync()
  }
  expect(logits({ activation: 'relu' })).not.toEqual(logits({}))
  expect(logits({ useBn: true })).not.toEqual(logits({}))
  expect(logits({ activation: undefined, useBn: undefined })).toEqual(logits({}))
})

test.each([1, 2, 5])('gradients with %i layers equal the slope along a direction', (nlayers) => {
  const own: ProjectionConfig = { ...config, nlayers, useBn: nlayers === 2, activation: 'gelu' }
  const names = Object.keys(projection.shapes(own))
  const params = projection.init(own, 0)
  const values = names.map((name) => (name.startsWith('mlp') ? tf.add(tf.mul(params[name], 20), 0.1) : params[name]))
  const direction = tf.cos(tf.reshape(tf.range(0, 5 * 12), [5, 12]))
  const loss = (...values: tf.Tensor[]) => {
    const named = Object.fromEntries(names.map((name, i) => [name, values[i]]))
    return tf.sum(tf.mul(projection.apply(own, named, features(5)), direction)) as tf.Scalar
  }
  const gradients = tf.grads(loss)(values)
  for (const [i, value] of values.entries()) {
    const along = tf.sin(tf.mul(tf.reshape(tf.range(1, value.size + 1), value.shape), 1.3))
    const expected = tf.sum(tf.mul(gradients[i], along)).dataSync()[0]
    const step = 1e-3
    const at = (distance: number) =>
      loss(...values.map((other, j) => (i === j ? tf.add(other, tf.mul(along, distance)) : other))).dataSync()[0]
    const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    expect(Math.abs(slope - expected), names[i]).toBeLessThan(2e-3 + 1e-3 * Math.abs(expected))
  }
})

test('only the lengths of a normalised last layer are frozen', () => {
  const names = Object.keys(projection.shapes(config)).map((name) => `head.${name}`)
  expect(names.filter(projection.frozen(true))).toEqual(['head.last_layer.weight_g'])
  expect(names.filter(projection.frozen())).toEqual(['head.last_layer.weight_g'])
  expect(names.filter(projection.frozen(false))).toEqual([])
  expect(projection.frozen(true)('last_layer.weight_g')).toBe(true)
})

test('features, parameters and sizes that do not fit are refused', () => {
  const params = projection.init(config, 0)
  expect(() => projection.apply(config, params, tf.zeros([2, 9]))).toThrow('[rows,8], got float32 [2,9]')
  expect(() => projection.apply(config, params, tf.zeros([2, 8], 'int32'))).toThrow('got int32 [2,8]')
  expect(() => projection.apply({ ...config, outDim: 13 }, params, features(2))).toThrow(
    'weight_g to be float32 [13,1]',
  )
  expect(() => projection.apply({ ...config, nlayers: 4 }, params, features(2))).toThrow(
    'mlp.4.weight to be float32 [10,10]',
  )
  expect(() => projection.apply(config, {} as Params, features(2))).toThrow(
    'a parameter mlp.0.weight of shape [10,8], got none',
  )
  expect(() => projection.shapes({ ...config, nlayers: 0 })).toThrow('nlayers to be a positive integer, got 0')
  expect(() => projection.shapes({ ...config, activation: 'tanh' as 'relu' })).toThrow('got tanh')
  const normed = { ...config, useBn: true }
  expect(() => projection.apply(normed, projection.init(normed, 0), features(1))).toThrow('at least 2 rows')
})

test('a row of zeros gives logits of 0, not NaN', () => {
  const logits = projection.apply(config, projection.init(config, 0), tf.zeros([1, 8])) // all biases are 0
  expect(largestDifference(logits.dataSync(), new Float32Array(12))).toBe(0)
})

test('outputs and gradients leave no tensor behind', () => {
  const own = { ...config, useBn: true }
  const params = projection.init(own, 0)
  const names = Object.keys(params)
  const x = features(4)
  const before = tf.memory().numTensors
  for (let i = 0; i < 2; i++) {
    tf.dispose(projection.apply(own, params, x))
    const loss = (...values: tf.Tensor[]) =>
      tf.sum(projection.apply(own, Object.fromEntries(names.map((name, j) => [name, values[j]])), x))
    tf.dispose(tf.grads(loss)(Object.values(params)))
  }
  expect(tf.memory().numTensors).toBe(before)
})

test('without a last layer the output is the bottleneck as it is; with a plain one, its products', () => {
  const bare = { ...config, lastLayer: 'none' } as const
  const params = projection.init(bare, 3)
  expect(Object.keys(params).some((name) => name.startsWith('last_layer'))).toBe(false)
  const h = projection.apply(bare, params, features(5))
  expect(h.shape).toEqual([5, 4])
  expect(projection.width(bare)).toBe(4)
  expect(projection.width(config)).toBe(12)

  const plain = { ...config, lastLayer: 'linear' } as const
  const weight = projection.init(plain, 3)['last_layer.weight']!
  expect(weight.shape).toEqual([12, 4])
  const y = projection.apply(plain, { ...params, 'last_layer.weight': weight }, features(5))
  const unit = tf.div(h, tf.sqrt(tf.sum(tf.square(h), 1, true)))
  const expected = tf.matMul(unit as tf.Tensor2D, weight as tf.Tensor2D, false, true)
  expect(largestDifference(y.dataSync(), expected.dataSync())).toBeLessThan(1e-6)
})

test('without a bottleneck hidden layers meet the prototypes, or the features do', () => {
  const none = { ...config, bottleneck: false, nlayers: 0 }
  expect(projection.shapes(none)).toEqual({ 'last_layer.weight_g': [12, 1], 'last_layer.weight_v': [12, 8] })
  const x = features(3)
  const params = projection.init(none, 0)
  const v = params['last_layer.weight_v'] as tf.Tensor2D
  const expected = tf.div(tf.matMul(x, v, false, true), tf.sqrt(tf.sum(tf.square(v), 1)))
  expect(largestDifference(projection.apply(none, params, x).dataSync(), expected.dataSync())).toBeLessThan(1e-5)
  expect(projection.shapes({ ...none, nlayers: 2 })).toEqual({
    'mlp.0.weight': [10, 8],
    'mlp.0.bias': [10],
    'mlp.2.weight': [10, 10],
    'mlp.2.bias': [10],
    'last_layer.weight_g': [12, 1],
    'last_layer.weight_v': [12, 10],
  })
  expect(() => projection.shapes({ ...none, lastLayer: 'none' })).toThrow('expected a bottleneck')
  expect(() => projection.shapes({ ...config, nlayers: 0 })).toThrow('nlayers to be a positive integer, got 0')
})

test('a predictor stands between the bottleneck and its normalisation', () => {
  const params = projection.init(config, 3)
  const seen: number[][] = []
  const longer = projection.apply(config, params, features(5), {
    predict: (h) => {
      seen.push(h.shape)
      return tf.mul(h, 3)
    },
  })
  expect(seen).toEqual([[5, 4]])
  const direct = projection.apply(config, params, features(5)) // a length is normalised away
  expect(largestDifference(longer.dataSync(), direct.dataSync())).toBeLessThan(1e-6)
})
