import { averagePrecision } from './average-precision.js'
import type { Features } from './features.js'
import { nearest } from './nearest.js'

/** What a query of revisited Oxford or Paris should find: rows of the database. */
export interface RevisitedTruth {
  easy: readonly number[]
  hard: readonly number[]
  /** Neither right nor wrong: left out of the ranking. */
  junk: readonly number[]
}

export interface RevisitedScore {
  /** Mean average precision over the queries that have a positive, in percent; NaN when none has. */
  map: number
  /** Average precision of each query, in percent; NaN without a positive. */
  ap: number[]
  /** Mean precision among the first k, in percent. */
  precisionAt: Record<number, number>
}

export interface RevisitedOptions {
  /** The k of the precisions. Default 1, 5, 10. */
  at?: readonly number[]
}

/**
 * Retrieval on revisited Oxford and Paris (Radenović et al. 2018), by cosine, at its three difficulties: `easy` counts hard images as junk,
 * `hard` easy ones, and `medium` wants both.
 *
 * Precision among the first k looks no further than the last positive, as the benchmark has it (METHOD.md, 1.16).
 *
 * @param queries [Q, dim]
 * @param database [N, dim]
 * @param truth one for each query
 */
export function revisitedRetrieval(
  queries: Features,
  database: Features,
  truth: readonly RevisitedTruth[],
  { at = [1, 5, 10] }: RevisitedOptions = {},
): Record<'easy' | 'medium' | 'hard', RevisitedScore> {
  if (truth.length !== queries.rows) {
    throw new RangeError(
      `revisitedRetrieval: expected a truth for each query, got ${truth.length} for ${queries.rows} queries.`,
    )
  }
  for (const [i, { easy, hard, junk }] of truth.entries()) {
    for (const row of [...easy, ...hard, ...junk]) {
      if (Number.isInteger(row) && row >= 0 && row < database.rows) continue
      throw new RangeError(
        `revisitedRetrieval: query ${i} names row ${row}, the database has ${database.rows}. Are they of one set?`,
      )
    }
  }
  const { indices } = nearest(queries, database, database.rows)
  const order = (query: number) => indices.subarray(query * database.rows, (query + 1) * database.rows)
  const score = (right: (t: RevisitedTruth) => number[], junk: (t: RevisitedTruth) => number[]) =>
    scoreOf(
      truth.map((each, query) => ranksOf(order(query), right(each), junk(each))),
      at,
    )
  return {
    easy: score(
      ({ easy }) => [...easy],
      ({ junk, hard }) => [...junk, ...hard],
    ),
    medium: score(
      ({ easy, hard }) => [...easy, ...hard],
      ({ junk }) => [...junk],
    ),
    hard: score(
      ({ hard }) => [...hard],
      ({ junk, easy }) => [...junk, ...easy],
    ),
  }
}

/** Places of the right rows in the ranking without junk, from 0. */
function ranksOf(order: Int32Array, right: number[], junk: number[]): number[] {
  const wanted = new Set(right)
  const ignored = new Set(junk)
  const ranks: number[] = []
  let rank = 0
  for (const row of order) {
    if (ignored.has(row)) continue
    if (wanted.has(row)) ranks.push(rank)
    rank++
  }
  return ranks
}

function scoreOf(ranksOfQueries: number[][], at: readonly number[]): RevisitedScore {
  const ap = ranksOfQueries.map((ranks) => 100 * averagePrecision(ranks, ranks.length))
  const answered = ranksOfQueries.filter((ranks) => ranks.length > 0)
  const precision = (k: number) =>
    answered.map((ranks) => {
      const first = Math.min(ranks.at(-1)! + 1, k)
      return (100 * ranks.filter((rank) => rank < first).length) / first
    })
  return {
    map: mean(ap.filter((value) => !Number.isNaN(value))),
    ap,
    precisionAt: Object.fromEntries(at.map((k) => [k, mean(precision(k))])),
  }
}

function mean(values: number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length
}
