import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normals, permutation, uniforms } from './index.js'

test('a permutation holds every index once, the same on every call, and another for another epoch', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), fc.nat(), fc.nat(), (n, seed, epoch) => {
      const order = permutation(n, seed, epoch)
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
      expect(permutation(n, seed, epoch)).toEqual(order)
      if (n > 20) expect(permutation(n, seed, epoch + 1)).not.toEqual(order)
    }),
  )
})

test('every item is as likely at every place (chi-square, 6 x 6 cells)', () => {
  const counts = new Array<number>(36).fill(0)
  const epochs = 6000
  for (let epoch = 0; epoch < epochs; epoch++) {
    permutation(6, 5, epoch).forEach((item, place) => {
      counts[place * 6 + item]!++
    })
  }
  const expected = epochs / 6
  expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(53) // 25 df, p = 0.001
})

test('a parameter starts the same whichever parameters were made before', () => {
  const alone = normals(0, 'cls_token', 8, 0.02)
  normals(0, 'pos_embed', 100, 0.02)
  expect(normals(0, 'cls_token', 8, 0.02)).toEqual(alone)
  expect(normals(0, 'pos_embed', 8, 0.02)).not.toEqual(alone)
})

test('normals have the deviation asked for, not that of a distribution truncated at two deviations', () => {
  const x = normals(0, 'w', 100_000, 0.02)
  expect(Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length)).toBeCloseTo(0.02, 4) // truncated: 0.0176
})

test('uniforms fill their bounds', () => {
  const x = uniforms(0, 'w', 10_000, -1 / 16, 1 / 16)
  expect(Math.min(...x)).toBeCloseTo(-1 / 16, 3)
  expect(Math.max(...x)).toBeCloseTo(1 / 16, 3)
  expect(x.every((v) => Math.abs(v) <= 1 / 16)).toBe(true)
})

test('sizes that are no size are refused', () => {
  expect(() => permutation(2 ** 32, 0, 0)).toThrow('got 4294967296')
  expect(() => permutation(10, 0, -1)).toThrow('got -1')
  expect(() => normals(0, 'w', 1.5, 1)).toThrow('got 1.5')
  expect(() => normals(0, 'w', 1, -1)).toThrow('got -1')
})
