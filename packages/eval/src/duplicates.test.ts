import { stream } from '@dino/random'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { duplicateGroups, type Features, nearest } from './index.js'

/** Rows of small whole numbers: many pairs are alike. */
function features(rows: number, dim: number, seed: number): Features {
  const draws = stream(seed, 'rows')
  return { data: Float32Array.from({ length: rows * dim }, () => draws.integer(-1, 2)), rows, dim }
}

function cosine({ data, dim }: Features, a: number, b: number): number {
  const [x, y] = [a, b].map((row) => data.subarray(row * dim, (row + 1) * dim)) as [Float32Array, Float32Array]
  const dot = (u: Float32Array, v: Float32Array) => u.reduce((sum, value, d) => sum + value * v[d]!, 0)
  const lengths = Math.sqrt(dot(x, x) * dot(y, y))
  return lengths > 0 ? dot(x, y) / lengths : 0
}

/** Each group grown from its first row, link by link. */
function grown(table: Features, threshold: number): number[][] {
  const left = new Set(Array.from({ length: table.rows }, (_, row) => row))
  const groups: number[][] = []
  for (const first of left) {
    left.delete(first)
    const group = [first]
    for (const member of group) {
      for (const other of left) {
        if (cosine(table, member, other) < threshold) continue
        left.delete(other)
        group.push(other)
      }
    }
    if (group.length > 1) groups.push(group.sort((a, b) => a - b))
  }
  return groups
}

test('groups are what links between pairs make of the rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(),
      async (rows, dim, seed) => {
        const table = features(rows, dim, seed)
        expect(await duplicateGroups(table, 0.77)).toEqual(grown(table, 0.77))
      },
    ),
    { numRuns: 60 },
  )
})

test('neighbours change nothing, however few they are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 40 }),
      fc.integer({ min: 1, max: 45 }),
      fc.nat(),
      async (rows, k, seed) => {
        const table = features(rows, 3, seed)
        const neighbours = nearest(table, table, k, { leaveOneOut: true })
        expect(await duplicateGroups(table, 0.77, { neighbours })).toEqual(await duplicateGroups(table, 0.77))
      },
    ),
    { numRuns: 60 },
  )
})

test('across blocks too', async () => {
  const table = features(700, 12, 3)
  expect(await duplicateGroups(table, 0.93)).toEqual(grown(table, 0.93))
})

test('equal rows are a group at 1, whatever their lengths; two of zeros are not', async () => {
  const data = Float32Array.of(3, 4, 1, 0, 6, 8, 0, 0, 0, 0)
  expect(await duplicateGroups({ data, rows: 5, dim: 2 }, 0.999999)).toEqual([[0, 2]])
})

test('can be watched and stopped', async () => {
  const table = features(300, 4, 5)
  const seen: number[] = []
  await duplicateGroups(table, 0.9, { onProgress: (done) => seen.push(done) })
  expect(seen).toEqual([128, 256, 300])
  const stop = new AbortController()
  const stopped = duplicateGroups(table, 0.9, { signal: stop.signal, onProgress: () => stop.abort() })
  await expect(stopped).rejects.toThrow()
})

test('no cosine is refused', async () => {
  await expect(duplicateGroups(features(3, 2, 0), 1.2)).rejects.toThrow('got 1.2')
})
