import '@tensorflow/tfjs'
import { cases, largestDifference, load, toNHWC } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import * as vit from './index.js'

interface VitCase {
  config: { img_size: number; patch_size: number; embed_dim: number; depth: number; num_heads: number }
  inputs: number
}

test.each(cases<VitCase>('vit'))('$name equals PyTorch: [CLS], attention, every layer', (fixture) => {
  const tensors = load(fixture)
  const { img_size, patch_size, embed_dim, depth, num_heads } = fixture.config
  const config = { imgSize: img_size, patchSize: patch_size, embedDim: embed_dim, depth, numHeads: num_heads }
  const params: vit.Params = {}
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (name.startsWith('param.')) params[name.slice('param.'.length)] = tf.tensor(data as Float32Array, shape)
  }
  for (let j = 0; j < fixture.inputs; j++) {
    const { shape, data } = toNHWC(tensors[`in${j}.images`])
    const images = tf.tensor4d(data as Float32Array, shape as [number, number, number, number])
    const layers = vit.intermediateLayers(config, params, images, depth)
    const actual: Record<string, tf.Tensor> = {
      cls: vit.apply(config, params, images),
      last_attention: vit.lastAttention(config, params, images),
      ...Object.fromEntries(layers.map((layer, b) => [`layer${b}`, layer])),
    }
    for (const [name, tensor] of Object.entries(actual)) {
      const expected = tensors[`out${j}.${name}`]
      expect(tensor.shape).toEqual(expected.shape)
      const difference = largestDifference(tensor.dataSync(), expected.data as Float32Array)
      expect(difference, `out${j}.${name}`).toBeLessThanOrEqual(fixture.tolerance as number)
    }
  }
})
