import type { Features } from './features.js'
import { nearest } from './nearest.js'

/**
 * Percent of the queries whose most similar database row (by cosine) is the right one.
 *
 * @param queries [Q, dim]
 * @param database [N, dim]
 * @param truth for each query the database row that it should find
 */
export function retrievalTop1(queries: Features, database: Features, truth: ArrayLike<number>): number {
  if (queries.rows < 1 || truth.length !== queries.rows) {
    throw new RangeError(
      `retrievalTop1: expected one right row for each query, got ${truth.length} for ${queries.rows} queries.`,
    )
  }
  const { indices } = nearest(queries, database, 1)
  let found = 0
  for (let i = 0; i < queries.rows; i++) if (indices[i] === truth[i]) found++
  return (100 * found) / queries.rows
}
