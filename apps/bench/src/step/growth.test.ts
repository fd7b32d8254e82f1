import { expect, test } from 'vitest'
import { growthMarkdown, points, slopesOf, tokensOf } from './growth.js'

test('a slope is that of the logarithms: in proportion 1, with the square 2, fixed 0', () => {
  const grown = [1, 2, 4, 8].map((size) => ({ axis: 'n', size, seconds: 3 * size, gigabytes: 5 * size ** 2 }))
  const [slope] = slopesOf(grown)
  expect(slope!.time).toBeCloseTo(1, 10)
  expect(slope!.memory).toBeCloseTo(2, 10)
  expect(slopesOf(grown.map((point) => ({ ...point, seconds: 7 })))[0]!.time).toBeCloseTo(0, 10)
  expect(growthMarkdown(grown, slopesOf(grown))).toContain('| n | 1, 2, 4, 8 | 3.00, 6.00, 12.00, 24.00 | 1.00 |')
})

test('every axis has four sizes, rising', () => {
  expect(tokensOf(16)).toBe(2 * 197 + 8 * 37)
  for (const axis of ['batch', 'crops', 'tokens', 'K', 'depth']) {
    const sizes = points.filter((point) => point.axis === axis).map(({ size }) => size)
    expect(sizes).toHaveLength(4)
    expect([...sizes].sort((a, b) => a - b)).toEqual(sizes)
  }
})
