import { averagePrecision } from './average-precision.js'
import type { Features } from './features.js'
import { nearest } from './nearest.js'

export interface CopyDetectionOptions {
  /** Database rows that are looked at for each query; a copy that comes later counts as not found. Default 20. */
  top?: number
}

export interface CopyDetectionScore {
  /** Mean average precision over the queries that have an original, in percent; NaN when none has. */
  map: number
  /** Average precision of each query, in percent; NaN without an original. */
  ap: number[]
}

/**
 * Copydays (Douze et al. 2009), by cosine: how early each query finds what it was made from.
 *
 * Reference: `eval_copy_detection.py` (METHOD.md, 1.17).
 *
 * @param queries [Q, dim]
 * @param database [N, dim]; distractors are rows that no query names
 * @param originals for each query the database rows that it should find
 */
export function copyDetection(
  queries: Features,
  database: Features,
  originals: readonly (readonly number[])[],
  { top = 20 }: CopyDetectionOptions = {},
): CopyDetectionScore {
  if (originals.length !== queries.rows) {
    throw new RangeError(
      `copyDetection: expected the originals of each query, got ${originals.length} for ${queries.rows} queries.`,
    )
  }
  const { k, indices } = nearest(queries, database, top)
  const ap = originals.map((rows, query) => {
    const wanted = new Set(rows)
    const ranks = [...indices.subarray(query * k, (query + 1) * k).entries()].filter(([, row]) => wanted.has(row))
    return (
      100 *
      averagePrecision(
        ranks.map(([rank]) => rank),
        wanted.size,
      )
    )
  })
  const scored = ap.filter((value) => !Number.isNaN(value))
  return { map: scored.reduce((sum, value) => sum + value, 0) / scored.length, ap }
}
