import { expect, test } from 'vitest'
import { type Features, retrievalTop1 } from './index.js'

const database: Features = { data: Float32Array.of(1, 0, 0, 1, 1, 1), rows: 3, dim: 2 }

test('counts the queries whose nearest row is the right one', () => {
  const queries: Features = { data: Float32Array.of(9, 1, 1, 9, 2, 3, 1, 0), rows: 4, dim: 2 }
  expect(retrievalTop1(queries, database, [0, 1, 2, 2])).toBe(75)
})

test('queries without a right row each are refused', () => {
  expect(() => retrievalTop1(database, database, [0])).toThrow('got 1 for 3 queries')
})
