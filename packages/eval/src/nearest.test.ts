import { stream } from '@dino/random'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Features, nearest, nearestAmong, normalize } from './index.js'

function features(rows: number, dim: number, seed: number): Features {
  const draws = stream(seed, 'features')
  return { data: Float32Array.from({ length: rows * dim }, () => draws.normal()), rows, dim }
}

/** Every pair, sorted: what nearest must equal. */
function plain(queries: Features, database: Features, k: number): { indices: number[]; similarities: number[] } {
  const indices: number[] = []
  const similarities: number[] = []
  for (let q = 0; q < queries.rows; q++) {
    const pairs = Array.from({ length: database.rows }, (_, n) => {
      let dot = 0
      for (let d = 0; d < queries.dim; d++)
        dot += queries.data[q * queries.dim + d] * database.data[n * queries.dim + d]
      return { n, dot }
    }).sort((a, b) => b.dot - a.dot || a.n - b.n)
    for (const { n, dot } of pairs.slice(0, k)) {
      indices.push(n)
      similarities.push(dot)
    }
  }
  return { indices, similarities }
}

describe('nearest', () => {
  test('equals sorting every pair, over block and tile borders', () => {
    const sizes = fc.record({
      queries: fc.integer({ min: 1, max: 140 }),
      rows: fc.integer({ min: 1, max: 530 }),
      dim: fc.integer({ min: 1, max: 9 }),
      k: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(sizes, ({ queries, rows, dim, k, seed }) => {
        const [a, b] = [features(queries, dim, seed), features(rows, dim, seed + 1)]
        const found = nearest(a, b, k, { metric: 'dot' })
        const expected = plain(a, b, k)
        expect(found.k).toBe(Math.min(k, rows))
        expect([...found.indices]).toEqual(expected.indices)
        expect([...found.similarities]).toEqual([...Float32Array.from(expected.similarities)])
      }),
      { numRuns: 30 },
    )
  })

  test('rows wider than a panel give the same sums as narrow ones: zeros added in front change nothing', () => {
    const wide = ({ data, rows, dim }: Features, more: number): Features => {
      const padded = new Float32Array(rows * (dim + more))
      for (let i = 0; i < rows; i++) padded.set(data.subarray(i * dim, (i + 1) * dim), i * (dim + more) + more)
      return { data: padded, rows, dim: dim + more }
    }
    const [a, b] = [features(5, 600, 1), features(300, 600, 2)]
    expect(nearest(wide(a, 700), wide(b, 700), 7)).toEqual(nearest(a, b, 7))
  })

  test('of equal rows the lower comes first, in whichever block it lies', () => {
    const database = { data: new Float32Array(600 * 2).fill(1), rows: 600, dim: 2 }
    const { indices } = nearest({ data: Float32Array.of(1, 0), rows: 1, dim: 2 }, database, 5)
    expect([...indices]).toEqual([0, 1, 2, 3, 4])
  })

  test('cosine takes no notice of lengths, dot does', () => {
    const query = { data: Float32Array.of(1, 0), rows: 1, dim: 2 }
    const database = { data: Float32Array.of(1, 0, 5, 5, 0, 0), rows: 3, dim: 2 }
    expect([...nearest(query, database, 3).indices]).toEqual([0, 1, 2])
    expect(nearest(query, database, 3).similarities[1]).toBeCloseTo(Math.SQRT1_2, 6)
    expect([...nearest(query, database, 3, { metric: 'dot' }).indices]).toEqual([1, 0, 2])
  })

  test('an empty set of queries and an empty database give empty answers', () => {
    expect(nearest(features(0, 3, 0), features(4, 3, 0), 2)).toMatchObject({ k: 2, indices: new Int32Array(0) })
    expect(nearest(features(2, 3, 0), features(0, 3, 0), 2)).toMatchObject({ k: 0, indices: new Int32Array(0) })
  })

  test('leaving one out gives the neighbours behind the row itself', () => {
    const sizes = fc.record({
      rows: fc.integer({ min: 2, max: 300 }),
      k: fc.integer({ min: 1, max: 20 }),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(sizes, ({ rows, k, seed }) => {
        const all = features(rows, 4, seed)
        const found = nearest(all, all, k, { leaveOneOut: true })
        const withSelf = nearest(all, all, k + 1)
        expect(found.k).toBe(Math.min(k, rows - 1))
        for (let row = 0; row < rows; row++) {
          const ownRow = (indices: Int32Array, width: number) => [...indices.subarray(row * width, (row + 1) * width)]
          const others = ownRow(withSelf.indices, withSelf.k).filter((index) => index !== row)
          expect(ownRow(found.indices, found.k)).toEqual(others.slice(0, found.k))
        }
      }),
      { numRuns: 20 },
    )
  })

  test('a lone row has no neighbour when it is left out', () => {
    const one = features(1, 3, 0)
    expect(nearest(one, one, 5, { leaveOneOut: true })).toMatchObject({ k: 0, indices: new Int32Array(0) })
  })

  test('what cannot be compared is refused', () => {
    expect(() => nearest(features(2, 2, 0), features(2, 2, 0), 1, { leaveOneOut: true })).toThrow(
      'leaveOneOut needs the database as queries',
    )
    expect(() => nearest(features(1, 2, 0), features(1, 3, 0), 1)).toThrow('got 2 and 3')
    expect(() => nearest(features(1, 2, 0), features(1, 2, 0), 0)).toThrow('got 0')
    expect(() => nearest({ data: new Float32Array(5), rows: 2, dim: 2 }, features(1, 2, 0), 1)).toThrow(
      'got 5 for [2, 2]',
    )
    const broken = { data: Float32Array.of(1, Number.NaN), rows: 1, dim: 2 }
    expect(() => nearest(broken, features(1, 2, 0), 1)).toThrow('row 0 holds NaN')
  })
})

describe('nearestAmong', () => {
  test('equals nearest bit for bit when the candidates hold the neighbours, in any order', () => {
    const sizes = fc.record({
      queries: fc.integer({ min: 0, max: 20 }),
      rows: fc.integer({ min: 2, max: 90 }),
      dim: fc.integer({ min: 1, max: 9 }),
      k: fc.integer({ min: 1, max: 100 }),
      spare: fc.integer({ min: 0, max: 9 }),
      metric: fc.constantFrom('cosine' as const, 'dot' as const),
      leaveOneOut: fc.boolean(),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(sizes, ({ queries, rows, dim, k, spare, metric, leaveOneOut, seed }) => {
        const database = features(rows, dim, seed)
        const asked = leaveOneOut ? database : features(queries, dim, seed + 1)
        const expected = nearest(asked, database, k, { metric, leaveOneOut })
        const wide = nearest(asked, database, k + spare, { metric }) // with the row itself, which is no candidate
        const width = wide.k + 2
        const candidates = new Int32Array(asked.rows * width).fill(-1)
        for (let q = 0; q < asked.rows; q++) {
          candidates.set(wide.indices.slice(q * wide.k, (q + 1) * wide.k).reverse(), q * width + 1)
        }
        if (leaveOneOut && spare === 0) return // one too few
        expect(nearestAmong(asked, database, candidates, k, { metric, leaveOneOut })).toEqual(expected)
      }),
    )
  })

  test('too few candidates, and rows that are not there, are refused', () => {
    const [a, b] = [features(1, 2, 0), features(9, 2, 1)]
    expect(() => nearestAmong(a, b, Int32Array.of(3, -1), 2)).toThrow('got 1 for query 0')
    expect(() => nearestAmong(a, b, Int32Array.of(3, 9), 2)).toThrow('rows below 9')
    expect(() => nearestAmong(features(2, 2, 0), b, Int32Array.of(3), 1)).toThrow('got 1 in all')
  })
})

test('normalize gives rows of length 1 and keeps a zero row zero', () => {
  const { data } = normalize({ data: Float32Array.of(3, 4, 0, 0), rows: 2, dim: 2 })
  expect([...data]).toEqual([...Float32Array.of(0.6, 0.8, 0, 0)])
})
