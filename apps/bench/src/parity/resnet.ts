import { type Case, toNHWC } from '@dino/fixtures'
import * as resnet from '@dino/resnet'
import * as tf from '@tensorflow/tfjs-core'
import { type Check, compare, float32, numbers, type Tensors, tensor, under } from './check.js'
import { type Engine, evaluate } from './engine.js'
import { Settings } from './settings.js'

/** Features in eval and in training, the running statistics after it, and gradients for the given dL/dy. */
export async function convnet(c: Case, tensors: Tensors, engine: Engine): Promise<Check[]> {
  const config = resnetConfig(new Settings(c.name, c).inner('config'))
  const params = await startingFrom(c, config, tensors, engine)
  const inputs = { images: toNHWC(tensor(tensors, 'in0.images')), upstream: tensor(tensors, 'in0.upstream') }
  const expected = Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => /^(out0|after|grad)\./.test(name))
      .map(([name, value]) => [name, name === 'grad.images' ? toNHWC(value) : value]),
  )
  const differentiated = Object.keys(under('grad.', tensors)).filter((name) => name !== 'images')
  const actual = await evaluate(engine, c.name, { ...params, ...inputs }, ({ images, upstream, ...params }) => {
    const x = images as tf.Tensor4D
    const { features, buffers } = resnet.applyTraining(config, params, x)
    const gradients = tf.grads((images: tf.Tensor, ...values: tf.Tensor[]) => {
      const given = { ...params, ...Object.fromEntries(differentiated.map((name, i) => [name, values[i]!])) }
      return tf.sum(tf.mul(resnet.applyTraining(config, given, images as tf.Tensor4D).features, upstream!))
    })([x, ...differentiated.map((name) => params[name]!)])
    return {
      'out0.eval': resnet.apply(config, params, x),
      'out0.train': features,
      ...Object.fromEntries(Object.entries(buffers).map(([name, value]) => [`after.${name}`, value])),
      'grad.images': gradients[0]!,
      ...Object.fromEntries(differentiated.map((name, i) => [`grad.${name}`, gradients[i + 1]!])),
    }
  })
  return Object.entries(expected).map(([name, value]) =>
    compare(c, name, tensor(actual, name), value, name.split('.')[0]!),
  )
}

/**
 * Parameters and statistics as they were before training. A file whose `param.running_*` were saved after it holds `after.*` twice; a
 * running statistic is .9 of the earlier one and .1 of the batch's, so with the batch's the earlier one is found, and `out0.eval`, which
 * was computed with it, tells whether it is right.
 */
async function startingFrom(c: Case, config: resnet.ResnetConfig, tensors: Tensors, engine: Engine): Promise<Tensors> {
  const params = under('param.', tensors)
  const names = Object.keys(resnet.buffers(config))
  const lost = names.every((name) => {
    const [before, after] = [numbers(tensor(params, name)), numbers(tensor(tensors, `after.${name}`))]
    return Array.from(after).every((value, i) => value === before[i])
  })
  if (!lost) return params
  const zero = Object.fromEntries(
    names.map((name) => [name, float32(params[name]!.shape, new Float32Array(params[name]!.shape[0]!))]),
  )
  const images = toNHWC(tensor(tensors, 'in0.images'))
  const tenth = await evaluate(engine, `${c.name}_batch`, { ...params, ...zero, images }, ({ images, ...given }) => {
    return resnet.applyTraining(config, given, images as tf.Tensor4D).buffers
  })
  const start = names.map((name) => {
    const [after, batch] = [numbers(params[name]!), numbers(tensor(tenth, name))]
    const before = Float32Array.from(after, (value, i) => (value - batch[i]!) / 0.9)
    return [name, float32(params[name]!.shape, before)] as const
  })
  return { ...params, ...Object.fromEntries(start) }
}

function resnetConfig(config: Settings): resnet.ResnetConfig {
  return {
    block: config.string('block') as resnet.ResnetConfig['block'],
    layers: config.numbers('layers') as unknown as resnet.Stages,
    planes: config.numbers('planes') as unknown as resnet.Stages,
  }
}
