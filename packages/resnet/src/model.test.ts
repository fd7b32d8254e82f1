import '@tensorflow/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import * as resnet from './index.js'

const tiny = resnet.config('resnet18', { layers: [1, 1, 1, 1], planes: [4, 4, 8, 8] })

function count(shapes: Record<string, number[]>): number {
  return Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
}

test.each([
  ['resnet18', 11_689_512, 512],
  ['resnet34', 21_797_672, 512],
  ['resnet50', 25_557_032, 2048],
  ['resnet101', 44_549_160, 2048],
] as const)('%s has the parameters that torchvision documents, less its classifier', (arch, documented, width) => {
  const config = resnet.config(arch)
  expect(resnet.width(config)).toBe(width)
  expect(count(resnet.shapes(config))).toBe(documented - 1000 * (width + 1))
})

test('fresh parameters depend on the seed alone, and statistics begin at mean 0 and variance 1', () => {
  const [a, b, c] = [0, 0, 1].map((seed) => resnet.init(tiny, seed)['conv1.weight']!.dataSync())
  expect(a).toEqual(b)
  expect(a).not.toEqual(c)
  const params = resnet.init(tiny, 0)
  expect(Object.keys(params)).toEqual([...Object.keys(resnet.shapes(tiny)), ...Object.keys(resnet.buffers(tiny))])
  expect(params['bn1.running_mean']!.dataSync().every((value) => value === 0)).toBe(true)
  expect(params['bn1.running_var']!.dataSync().every((value) => value === 1)).toBe(true)
})

test('training leaves nothing but the features and the running statistics in memory', () => {
  const params = resnet.init(tiny, 0)
  const images = tf.ones<tf.Rank.R4>([2, 32, 32, 3])
  const before = tf.memory().numTensors
  const { features, buffers } = resnet.applyTraining(tiny, params, images)
  expect(features.shape).toEqual([2, 8])
  expect(Object.keys(buffers).sort()).toEqual(Object.keys(resnet.buffers(tiny)).sort())
  tf.dispose([features, buffers])
  expect(tf.memory().numTensors).toBe(before)
})

test('one value a channel has no variance: it is refused', () => {
  const images = tf.ones<tf.Rank.R4>([1, 32, 32, 3])
  expect(() => resnet.applyTraining(tiny, resnet.init(tiny, 0), images)).toThrow('got 1. Use larger images')
})

test('what does not fit is refused by name', () => {
  const params = resnet.init(tiny, 0)
  expect(() => resnet.config('resnet20' as 'resnet18')).toThrow('resnet18, resnet34, resnet50, resnet101, got resnet20')
  expect(() => resnet.config('resnet18', { planes: [4, 4, 8] as never })).toThrow('planes to be four positive integers')
  expect(() => resnet.apply(tiny, { ...params, 'bn1.running_var': tf.zeros([3]) }, tf.zeros([1, 32, 32, 3]))).toThrow(
    'expected bn1.running_var to be float32 [64], got float32 [3]',
  )
  expect(() => resnet.apply(tiny, params, tf.zeros([1, 3, 32, 32]))).toThrow('got float32 [1,3,32,32]')
})
