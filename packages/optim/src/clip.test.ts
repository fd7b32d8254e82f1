import '@tensorflow/tfjs-backend-cpu'
import { golden, largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clipPerTensor } from './index.js'

test('clipping equals the formula, tensor by tensor', () => {
  const { clip: maxNorm, ...entries } = golden<{ clip: Record<string, number | number[]> }>().clip
  for (const [key, values] of Object.entries(entries)) {
    const given = key.match(/^g\d+=\[(.*)\]$/)?.[1]
    if (given === undefined) continue
    const grads = { other: tf.fill([5], 100), g: tf.tensor1d(given.split(',').map(Number)) }
    const clipped = clipPerTensor(grads, maxNorm as number).g!.dataSync()
    expect(largestDifference(clipped, values as number[])).toBeLessThan(1e-6)
  }
})

test('a longer gradient keeps its direction and gets the length asked for; a shorter one stays bit for bit', () => {
  const values = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 50, noNaN: true }), (x, maxNorm) => {
      tf.tidy(() => {
        const grad = tf.tensor1d(x)
        const clipped = clipPerTensor({ grad }, maxNorm).grad!.dataSync()
        const norm = Math.hypot(...x)
        if (norm < maxNorm * 0.999 - 1e-6) expect(clipped).toEqual(grad.dataSync())
        else expect(Math.hypot(...clipped)).toBeLessThanOrEqual(maxNorm * 1.0001)
        const scale = Math.min(1, maxNorm / (norm + 1e-6))
        expect(
          largestDifference(
            clipped,
            x.map((v) => v * scale),
          ),
        ).toBeLessThan(1e-5)
      })
    }),
  )
})

test('0 switches clipping off, and every tensor is new all the same', () => {
  const grad = tf.tensor1d([300, 400])
  const before = tf.memory().numTensors
  const off = clipPerTensor({ grad }, 0).grad!
  const on = clipPerTensor({ grad }, 3).grad!
  expect(tf.memory().numTensors).toBe(before + 2)
  expect(off).not.toBe(grad)
  expect(off.dataSync()).toEqual(grad.dataSync())
  expect(on.dataSync()[0]).toBeCloseTo(1.8, 5)
})

test('a norm that is none is refused', () => {
  expect(() => clipPerTensor({}, -1)).toThrow('clipPerTensor: expected maxNorm of 0 or more, got -1')
  expect(() => clipPerTensor({}, Number.NaN)).toThrow('got NaN')
})
