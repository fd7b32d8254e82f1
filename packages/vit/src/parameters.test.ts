import '@tensorflow/tfjs'
import { cases, load } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import * as vit from './index.js'

const size = (shape: number[]) => shape.reduce((product, length) => product * length, 1)
const count = (config: vit.VitConfig) => Object.values(vit.shapes(config)).reduce((sum, shape) => sum + size(shape), 0)

test.each([
  ['vit_tiny', 16, 5_524_416],
  ['vit_small', 16, 21_665_664],
  ['vit_small', 8, 21_670_272],
  ['vit_base', 16, 85_798_656],
  ['vit_base', 8, 85_807_872],
] as const)('%s with patches of %i has as many parameters as the published one', (arch, patchSize, parameters) => {
  expect(count(vit.config(arch, { patchSize }))).toBe(parameters)
})

interface VitCase {
  config: { img_size: number; patch_size: number; embed_dim: number; depth: number; num_heads: number }
}

test.each(cases<VitCase>('vit'))('$name has the names and shapes of the reference', (fixture) => {
  const { img_size: imgSize, patch_size: patchSize, embed_dim: embedDim, depth, num_heads: numHeads } = fixture.config
  const expected = Object.entries(load(fixture)).filter(([name]) => name.startsWith('param.'))
  expect(vit.shapes({ imgSize, patchSize, embedDim, depth, numHeads })).toEqual(
    Object.fromEntries(expected.map(([name, { shape }]) => [name.slice('param.'.length), shape])),
  )
})

const small: vit.VitConfig = { imgSize: 32, patchSize: 8, embedDim: 96, depth: 2, numHeads: 3 }

test('initial values follow the reference: N(0, .02), the convolution uniform, norms 1 and 0', () => {
  const params = vit.init(small, 0)
  expect(Object.keys(params)).toEqual(Object.keys(vit.shapes(small)))
  for (const [name, tensor] of Object.entries(params)) {
    const values = tensor.dataSync<'float32'>()
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length
    const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length)
    const error = 4 / Math.sqrt(2 * values.length) // of a standard deviation, relative
    if (name.startsWith('patch_embed.')) {
      const bound = (3 * 8 * 8) ** -0.5
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound)
      expect(std / (bound / Math.sqrt(3)), name).toBeGreaterThan(1 - error)
    } else if (/norm\d?\.weight/.test(name)) expect([mean, std]).toEqual([1, 0])
    else if (name.endsWith('.bias')) expect([mean, std]).toEqual([0, 0])
    else expect(Math.abs(std / 0.02 - 1), name).toBeLessThan(error) // a cut at two deviations would give .0176
  }
})

test('a parameter depends on the seed and its own name, not on the rest of the model', () => {
  const qkv = (params: vit.Params) => params['blocks.0.attn.qkv.weight'].dataSync()
  expect(qkv(vit.init(small, 0))).toEqual(qkv(vit.init({ ...small, depth: 1, patchSize: 4 }, 0)))
  expect(qkv(vit.init(small, 0))).not.toEqual(qkv(vit.init(small, 1)))
  const params = vit.init(small, 0)
  expect(qkv(params)).not.toEqual(params['blocks.1.attn.qkv.weight'].dataSync())
})

test('parameters that do not fit are refused by name', () => {
  const images: tf.Tensor4D = tf.zeros([1, 32, 32, 3])
  const params = vit.init(small, 0)
  const { 'blocks.1.norm2.bias': _, ...lacking } = params
  expect(() => vit.apply(small, lacking, images)).toThrow('a parameter blocks.1.norm2.bias of shape [96], got none')
  const longer = { ...params, pos_embed: tf.zeros([1, 26, 96]) }
  expect(() => vit.apply(small, longer, images)).toThrow('pos_embed to be float32 [1,17,96], got float32 [1,26,96]')
  const whole = { ...params, cls_token: tf.zeros([1, 1, 96], 'int32') }
  expect(() => vit.intermediateLayers(small, whole, images, 1)).toThrow('cls_token to be float32 [1,1,96], got int32')
  expect(() => vit.lastAttention({ ...small, patchSize: 4 }, params, images)).toThrow('pos_embed')
})
