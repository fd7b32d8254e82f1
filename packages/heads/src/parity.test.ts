import '@tensorflow/tfjs'
import { cases, largestDifference, load } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { type Params, projection } from './index.js'

interface HeadCase {
  config: {
    in_dim: number
    out_dim: number
    use_bn: boolean
    norm_last_layer: boolean
    nlayers: number
    hidden_dim: number
    bottleneck_dim: number
  }
}

test.each(cases<HeadCase>('head'))('$name equals PyTorch: logits and every gradient', (fixture) => {
  const { in_dim, out_dim, use_bn, nlayers, hidden_dim, bottleneck_dim, norm_last_layer } = fixture.config
  const config = {
    inDim: in_dim,
    outDim: out_dim,
    useBn: use_bn,
    nlayers,
    hiddenDim: hidden_dim,
    bottleneckDim: bottleneck_dim,
  }
  const fixtures = load(fixture)
  const tensor = (name: string) => tf.tensor(fixtures[name].data as Float32Array, fixtures[name].shape)
  const expectEqual = (actual: tf.Tensor, name: string) => {
    expect(actual.shape).toEqual(fixtures[name].shape)
    const difference = largestDifference(actual.dataSync(), fixtures[name].data as Float32Array)
    expect(difference, name).toBeLessThanOrEqual(fixture.tolerance as number)
  }

  const names = Object.keys(projection.shapes(config))
  const params: Params = Object.fromEntries(names.map((name) => [name, tensor(`param.${name}`)]))
  const x = tensor('in.x') as tf.Tensor2D
  expectEqual(projection.apply(config, params, x), 'out.y')

  const apply = (x: tf.Tensor, ...values: tf.Tensor[]) =>
    projection.apply(config, Object.fromEntries(names.map((name, i) => [name, values[i]])), x as tf.Tensor2D)
  const gradients = tf.grads(apply)([x, ...names.map((name) => params[name])], tensor('in.upstream') as tf.Tensor2D)
  expectEqual(gradients[0], 'grad.x')
  const isFrozen = projection.frozen(norm_last_layer)
  names.forEach((name, i) => {
    expect(isFrozen(name)).toBe(!(`grad.${name}` in fixtures))
    if (!isFrozen(name)) expectEqual(gradients[i + 1], `grad.${name}`)
  })
})
