import * as resnet from '@dino/resnet'
import * as vit from '@dino/vit'
import { expect, test } from 'vitest'
import { flops, forward, referenceProducts } from './products.js'

const small = vit.config('vit_small')

test('a ViT-S/16 takes 4.6 billion multiplications for an image of 224 pixels', () => {
  // By hand, N 197 and D 384: 196·768·384 for the patches; a block has 12·N·D² for its layers and 2·N²·D for attention.
  const block = 12 * 197 * 384 ** 2 + 2 * 197 ** 2 * 384
  expect(flops(forward(small, 1, 224)) / 2).toBe(196 * 768 * 384 + 12 * block)
})

test('a ResNet-50 takes 4.09 billion multiplications for an image of 224 pixels, a ResNet-18 1.81', () => {
  // torchvision's figures for its weights, less the 2048 · 1000 and 512 · 1000 of their classifiers.
  expect(flops(forward(resnet.config('resnet50'), 1, 224)) / 2e9).toBeCloseTo(4.089 - 0.002, 3)
  expect(flops(forward(resnet.config('resnet18'), 1, 224)) / 2e9).toBeCloseTo(1.814 - 0.0005, 3)
})

test('a step is one pass of the teacher and three of the student, less the gradient of the images', () => {
  const setting = { batch: 2, locals: 8, outDim: 1000 }
  const head = (rows: number) => 2 * rows * (384 * 2048 + 2048 * 2048 + 2048 * 256 + 256 * 1000)
  const [global, local] = [flops(forward(small, 4, 224)), flops(forward(small, 16, 96))]
  const patches = 2 * (4 * 196 + 16 * 36) * 768 * 384
  expect(flops(referenceProducts(small, setting))).toBe(4 * global + 3 * local + head(4) + 3 * head(20) - patches)
})

test('two crops have no products of local ones, and each shape is listed once', () => {
  const products = referenceProducts(small, { batch: 1, locals: 0, outDim: 64 })
  expect(products.some(({ m, k }) => m === 37 || k === 37)).toBe(false)
  expect(new Set(products.map(({ batch, m, k, n }) => `${[batch, m, k, n]}`)).size).toBe(products.length)
})
