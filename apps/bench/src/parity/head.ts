import type { Case } from '@dino/fixtures'
import { type ProjectionConfig, projection } from '@dino/heads'
import * as tf from '@tensorflow/tfjs-core'
import { type Check, compare, type Tensors, tensor } from './check.js'
import { type Engine, evaluate } from './engine.js'
import { Settings } from './settings.js'

/** The logits, and the gradients of input and parameters for the given dL/dy. */
export async function head(c: Case, tensors: Tensors, engine: Engine): Promise<Check[]> {
  const config = headConfig(new Settings(c.name, c).inner('config'))
  const names = Object.keys(projection.shapes(config))
  const params = Object.fromEntries(names.map((name) => [name, tensor(tensors, `param.${name}`)]))
  const inputs = { x: tensor(tensors, 'in.x'), upstream: tensor(tensors, 'in.upstream') }
  const actual = await evaluate(engine, c.name, { ...params, ...inputs }, ({ x, upstream, ...params }) => {
    const logits = (input: tf.Tensor, values: tf.Tensor[]) => {
      const named = Object.fromEntries(names.map((name, i) => [name, values[i]!]))
      return projection.apply(config, named, input as tf.Tensor2D)
    }
    const gradients = tf.grads((input: tf.Tensor, ...values: tf.Tensor[]) =>
      tf.sum(tf.mul(logits(input, values), upstream!)),
    )([x!, ...names.map((name) => params[name]!)])
    return {
      'out.y': logits(
        x!,
        names.map((name) => params[name]!),
      ),
      'grad.x': gradients[0]!,
      ...Object.fromEntries(names.map((name, i) => [`grad.${name}`, gradients[i + 1]!])),
    }
  })
  const expected = Object.entries(tensors).filter(([name]) => name.startsWith('out.') || name.startsWith('grad.'))
  return expected.map(([name, value]) => compare(c, name, tensor(actual, name), value, name.split('.')[0]!))
}

/** The head of a case, under the names of the reference's `DINOHead`. */
export function headConfig(config: Settings): ProjectionConfig & { outDim: number } {
  return {
    inDim: config.number('in_dim'),
    outDim: config.number('out_dim'),
    hiddenDim: config.number('hidden_dim'),
    bottleneckDim: config.number('bottleneck_dim'),
    nlayers: config.number('nlayers'),
    useBn: config.boolean('use_bn', false),
    activation: config.string('act', 'gelu') as 'gelu' | 'relu',
  }
}
