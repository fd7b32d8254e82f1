import { expect, test } from 'vitest'
import { mixupShare } from './mixup.js'

const draw = (alpha: number, count: number) => Array.from({ length: count }, (_, i) => mixupShare(alpha, 7, i))
const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length

test.each([0.1, 0.8, 1, 5])('shares have the moments of Beta(%d, %d)', (alpha) => {
  const x = draw(alpha, 20_000)
  expect(x.every((share) => share >= 0 && share <= 1)).toBe(true)
  expect(mean(x)).toBeCloseTo(0.5, 1.7)
  expect(mean(x.map((share) => (share - 0.5) ** 2))).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 1.7)
})

test('Beta(1, 1) is uniform', () => {
  const x = draw(1, 20_000)
  for (const bound of [0.1, 0.25, 0.5, 0.9])
    expect(x.filter((share) => share < bound).length / x.length).toBeCloseTo(bound, 1.7)
})

test('a share depends on seed and step alone', () => {
  expect(mixupShare(0.8, 1, 3)).toBe(mixupShare(0.8, 1, 3))
  expect(new Set([mixupShare(0.8, 1, 3), mixupShare(0.8, 1, 4), mixupShare(0.8, 2, 3)]).size).toBe(3)
})

test('a tiny alpha leaves images whole, and gives no NaN', () => {
  const x = draw(1e-3, 1000)
  expect(x.every(Number.isFinite)).toBe(true)
  expect(x.filter((share) => share < 0.01 || share > 0.99).length).toBeGreaterThan(950)
})
