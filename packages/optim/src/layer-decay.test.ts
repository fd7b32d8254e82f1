import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { adamw, lars, layerDecay, type Optimizer, sgd } from './index.js'

const names = [
  'backbone.cls_token',
  'backbone.pos_embed',
  'backbone.patch_embed.proj.weight',
  'backbone.blocks.0.norm1.weight',
  'backbone.blocks.1.attn.qkv.weight',
  'backbone.norm.weight',
  'head.linear.weight',
]

describe('layerDecay', () => {
  test('what lies before the blocks is depth + 1 layers from the head', () => {
    expect(Object.values(layerDecay(names, 0.5))).toEqual([0.125, 0.125, 0.125, 0.25, 0.5, 1, 1])
  })

  test('1 leaves every rate as it is', () => {
    expect(new Set(Object.values(layerDecay(names, 1)))).toEqual(new Set([1]))
  })

  test("twelve blocks at .75 give BEiT's factors, in whatever order the names come", () => {
    const blocks = Array.from({ length: 12 }, (_, i) => `blocks.${11 - i}.mlp.fc1.bias`)
    const scale = layerDecay(['cls_token', ...blocks], 0.75)
    expect(scale.cls_token).toBeCloseTo(0.75 ** 13, 12)
    for (let i = 0; i < 12; i++) expect(scale[`blocks.${i}.mlp.fc1.bias`]).toBeCloseTo(0.75 ** (12 - i), 12)
  })

  test('a decay that is none, and names of another network, are refused', () => {
    expect(() => layerDecay(names, 0)).toThrow('above 0 and at most 1, got 0')
    expect(() => layerDecay(names, 1.1)).toThrow('got 1.1')
    expect(() => layerDecay(['layer1.0.conv1.weight'], 0.5)).toThrow('(blocks.0.…), got layer1.0.conv1.weight')
    expect(() => layerDecay([], 0.5)).toThrow('got none')
  })
})

describe.each<[string, Optimizer]>([
  ['adamw', adamw],
  ['sgd', sgd],
  ['lars', lars],
])('lrScale of %s', (_, optimizer) => {
  const params = { a: tf.tensor2d([[1, -2]]), b: tf.tensor2d([[3, 4]]) }
  const grads = { a: tf.tensor2d([[0.5, 0.25]]), b: tf.tensor2d([[-1, 2]]) }
  const step = (lr: number | tf.Scalar, lrScale?: Record<string, number>) =>
    optimizer.update(params, grads, optimizer.init(params), { lr, weightDecay: 0.1, lrScale })
  const values = (tensor: tf.Tensor | undefined) => [...tensor!.dataSync()]

  test('a factor is another learning rate for that parameter alone, weight decay included', () => {
    const scaled = step(tf.scalar(0.2), { a: 0.25 })
    expect(values(scaled.params.a)).toEqual(values(step(0.05).params.a))
    expect(values(scaled.params.b)).toEqual(values(step(0.2).params.b))
    for (const name of Object.keys(scaled.state))
      expect(values(scaled.state[name])).toEqual(values(step(0.2).state[name]))
  })

  test('0 keeps a parameter and moves its state', () => {
    expect(values(step(0.2, { a: 0 }).params.a)).toEqual([1, -2])
  })

  test('a factor below 0, or of no parameter, is refused', () => {
    expect(() => step(0.2, { a: -1 })).toThrow('lrScale of a of 0 or more, got -1')
    expect(() => step(0.2, { c: 1 })).toThrow('got none for c')
  })
})
