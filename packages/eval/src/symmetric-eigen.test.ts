import { stream } from '@dino/random'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { symmetricEigen } from './index.js'

/** B Bᵀ of B [n, rank], or with `signed` its entries anywhere: a symmetric matrix. */
function symmetric(n: number, rank: number, seed: number, signed = false): Float64Array {
  const draws = stream(seed, 'matrix', 0)
  const b = Float64Array.from({ length: n * rank }, () => draws.uniform(-1, 1))
  const a = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = signed ? draws.uniform(-1, 1) : 0
      for (let k = 0; !signed && k < rank; k++) sum += b[i * rank + k] * b[j * rank + k]
      a[i * n + j] = a[j * n + i] = sum
    }
  }
  return a
}

function expectEigen(a: ArrayLike<number>, n: number): void {
  const { values, vectors } = symmetricEigen(a, n)
  const size = Math.max(...Array.from(a, Math.abs))
  const dot = (i: number, j: number) => {
    let sum = 0
    for (let d = 0; d < n; d++) sum += vectors[i * n + d] * vectors[j * n + d]
    return sum
  }
  for (let i = 0; i < n; i++) {
    if (i > 0) expect(values[i]).toBeLessThanOrEqual(values[i - 1])
    const largest = vectors.subarray(i * n, (i + 1) * n).reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a))
    expect(largest).toBeGreaterThan(0)
    for (let j = 0; j <= i; j++) expect(Math.abs(dot(i, j) - Number(i === j))).toBeLessThan(1e-13 * n)
    for (let row = 0; row < n; row++) {
      let product = 0
      for (let d = 0; d < n; d++) product += a[row * n + d] * vectors[i * n + d]
      expect(Math.abs(product - values[i] * vectors[i * n + row])).toBeLessThan(1e-13 * n * size + 1e-300)
    }
  }
}

test('a matrix times an eigenvector is the eigenvalue times it, and the vectors are orthonormal', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 14 }), fc.nat(), fc.boolean(), (n, seed, signed) => {
      expectEigen(symmetric(n, n, seed, signed), n)
    }),
    { numRuns: 60 },
  )
  expectEigen(symmetric(60, 60, 7), 60)
})

test.each([
  ['zero', new Float64Array(16)],
  ['the identity', Float64Array.from({ length: 16 }, (_, i) => Number(i % 5 === 0))],
  ['of rank 1', symmetric(4, 1, 3)],
  ['of rank 2 and tiny', symmetric(4, 2, 3).map((x) => x * 1e-200)],
  ['huge', symmetric(4, 4, 3).map((x) => x * 1e200)],
  ['of equal entries', new Float64Array(16).fill(2)],
])('a matrix that is %s', (_, a) => expectEigen(a, 4))

test('known values: [[2, 1], [1, 2]] has 3 and 1', () => {
  const { values, vectors } = symmetricEigen([2, 1, 1, 2], 2)
  expect([...values].map((x) => x.toFixed(12))).toEqual(['3.000000000000', '1.000000000000'])
  expect(vectors[0]).toBeCloseTo(Math.SQRT1_2, 14)
  expect(vectors[1]).toBeCloseTo(Math.SQRT1_2, 14)
})

test('the same matrix gives the same bits', () => {
  const a = symmetric(20, 5, 11)
  expect(symmetricEigen(a, 20)).toEqual(symmetricEigen(a, 20))
})

test('other matrices are refused', () => {
  expect(() => symmetricEigen([1, 2, 3], 2)).toThrow('got 3 for n = 2')
  expect(() => symmetricEigen([1, 2, 3, 4], 2)).toThrow('got 3 at [1,0] and 2 at [0,1]')
  expect(() => symmetricEigen([1, Number.NaN, Number.NaN, 1], 2)).toThrow('NaN or an infinity')
})
