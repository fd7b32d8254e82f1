import '@tensorflow/tfjs'
import { cases, largestDifference, load, toNHWC } from '@dino/fixtures'
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import * as resnet from './index.js'

interface ResnetCase {
  config: { block: resnet.ResnetConfig['block']; layers: resnet.Stages; planes: resnet.Stages }
}

type Tensor4 = [number, number, number, number]

beforeAll(() => tf.setBackend('wasm')) // convolutions in JavaScript take minutes

// Gradients are compared by `pnpm bench parity`, on every engine.
test.each(cases<ResnetCase>('resnet'))('$name equals PyTorch: eval, training, running statistics', (fixture) => {
  const tensors = load(fixture)
  const { config } = fixture
  const read = (name: string) => tf.tensor(tensors[name].data as Float32Array, tensors[name].shape)
  const given = toNHWC(tensors['in0.images'])
  const images = tf.tensor4d(given.data as Float32Array, given.shape as Tensor4)
  const params: resnet.Params = {}
  for (const name of Object.keys({ ...resnet.shapes(config), ...resnet.buffers(config) })) {
    params[name] = read(`param.${name}`)
  }
  Object.assign(params, before(config, params, images, read))

  const close = (name: string, actual: tf.Tensor) => {
    const expected = tensors[name]
    expect(actual.shape, name).toEqual(expected.shape)
    const difference = largestDifference(actual.dataSync(), expected.data as Float32Array)
    expect(difference, name).toBeLessThanOrEqual(fixture.tolerance as number)
  }
  const trained = resnet.applyTraining(config, params, images)
  close('out0.eval', resnet.apply(config, params, images))
  close('out0.train', trained.features)
  for (const [name, value] of Object.entries(trained.buffers)) close(`after.${name}`, value)
})

/**
 * The statistics before training, of cases that hold those after it in their place: .9 of the earlier ones and .1 of the batch's.
 * `out0.eval` was computed with the earlier ones.
 */
function before(
  config: resnet.ResnetConfig,
  params: resnet.Params,
  images: tf.Tensor4D,
  read: (name: string) => tf.Tensor,
): resnet.Params {
  const names = Object.keys(resnet.buffers(config))
  const kept = names.some((name) => tf.any(tf.notEqual(params[name]!, read(`after.${name}`))).dataSync()[0])
  if (kept) return {}
  const zero = Object.fromEntries(names.map((name) => [name, tf.zerosLike(params[name]!)]))
  const tenth = resnet.applyTraining(config, { ...params, ...zero }, images).buffers
  return Object.fromEntries(names.map((name) => [name, tf.div(tf.sub(params[name]!, tenth[name]!), 0.9)]))
}
