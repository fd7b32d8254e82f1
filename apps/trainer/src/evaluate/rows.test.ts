import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onFeatures, type Rows, someRows, spreadOf, standardized, tableRows } from './rows.js'

const table = tableRows(Float32Array.of(1, 5, 3, 5, 5, 5, 7, 5), 2, Int32Array.of(0, 1, 0, 1))

function all(rows: Rows): number[] {
  const out = new Float32Array(rows.count * rows.dim)
  rows.read([...Array(rows.count).keys()], out)
  return [...out]
}

test('chosen rows keep their labels and their order', () => {
  const some = someRows(table, [3, 0])
  expect(all(some)).toEqual([7, 5, 1, 5])
  expect([...some.labels]).toEqual([1, 0])
  expect(all(someRows(some, [1]))).toEqual([1, 5])
})

test('standardized features have mean 0 and deviation 1; one that never changes is 0', () => {
  const values = all(standardized(table, spreadOf(table)))
  const s = Math.sqrt(5) // of 1, 3, 5, 7
  for (const [i, expected] of [-3 / s, 0, -1 / s, 0, 1 / s, 0, 3 / s, 0].entries())
    expect(values[i]).toBeCloseTo(expected, 6)
})

test('weights on standardized features give the same logits on the features themselves', () => {
  const value = fc.float({ min: -5, max: 5, noNaN: true })
  const three = (of: typeof value) => fc.array(of, { minLength: 3, maxLength: 3 })
  fc.assert(
    fc.property(fc.array(three(value), { minLength: 2, maxLength: 8 }), three(value), value, (features, w, b) => {
      const rows = tableRows(Float32Array.from(features.flat()), 3, new Int32Array(features.length))
      const spread = spreadOf(rows)
      fc.pre(spread.deviation.every((x) => x > 0.01))
      const weights = {
        'linear.weight': { dtype: 'float32' as const, shape: [1, 3], data: Float32Array.from(w) },
        'linear.bias': { dtype: 'float32' as const, shape: [1], data: Float32Array.of(b) },
      }
      const folded = onFeatures(weights, spread)
      const logits = (
        of: Rows,
        { 'linear.weight': { data: weight }, 'linear.bias': { data: bias } }: typeof folded,
      ) => {
        const x = all(of)
        const terms = weight as Float32Array
        return features.map((_, i) => terms.reduce((sum, t, d) => sum + t * x[i * 3 + d]!, (bias as Float32Array)[0]!))
      }
      const expected = logits(standardized(rows, spread), weights)
      const scale = 1 + Math.max(...(folded['linear.weight'].data as Float32Array).map(Math.abs))
      for (const [i, logit] of logits(rows, folded).entries()) {
        expect(Math.abs(logit - expected[i]!) / scale).toBeLessThan(1e-4)
      }
    }),
  )
})
