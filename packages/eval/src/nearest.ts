import { checkFeatures, type Features, rowLength } from './features.js'
import { multiplyBlocks } from './multiply-blocks.js'
import { createTop, offer, sortTop } from './top.js'

export interface NearestOptions {
  /** 'cosine' divides by both lengths, 'dot' takes the rows as they are. Default 'cosine'. */
  metric?: 'cosine' | 'dot'
  /** The queries are the database, and a row is no neighbour of itself. Default false. */
  leaveOneOut?: boolean
}

export interface Nearest {
  /** Neighbours per query: the k that was asked for, or all that a smaller database has. */
  k: number
  /** [queries, k] rows of the database, the most similar first; of equals, the lower row first. */
  indices: Int32Array
  /** [queries, k] */
  similarities: Float32Array
}

/**
 * The k most similar database rows of each query, exactly: every pair is compared.
 *
 * A blocked matrix product with a running top-k, so that memory is the answer, 2 MB and 8 bytes a row, however large
 * the database and wide its rows. Sums are in float64 and in the order of the dimensions: a pair's similarity does not depend
 * on its place, and equal rows tie exactly.
 *
 * @param queries [Q, dim]
 * @param database [N, dim]
 * @param k neighbours, 1 or more; clipped to N, or N - 1 with leaveOneOut
 */
export function nearest(
  queries: Features,
  database: Features,
  k: number,
  { metric = 'cosine', leaveOneOut = false }: NearestOptions = {},
): Nearest {
  checkNearest('nearest', queries, database, k, { metric, leaveOneOut })
  const kept = Math.min(k, leaveOneOut ? Math.max(0, database.rows - 1) : database.rows)
  const top = createTop(queries.rows, kept)
  const scales = scalesOf('nearest', queries, metric)
  const databaseScales = leaveOneOut ? scales : scalesOf('nearest', database, metric)
  multiplyBlocks(queries, scales, database, databaseScales, ({ first, rows, base, columns, products, width }) => {
    for (let row = 0; row < rows; row++) {
      const self = first + row - base
      // Others displace it: they are as many as are kept.
      if (leaveOneOut && self >= 0 && self < columns) products[row * width + self] = Number.NEGATIVE_INFINITY
      offer(top, first + row, products, row * width, columns, base)
    }
  })
  return sortTop(top, queries.rows)
}

export function checkNearest(
  where: string,
  queries: Features,
  database: Features,
  k: number,
  { metric, leaveOneOut }: Required<NearestOptions>,
): void {
  checkFeatures(where, 'queries', queries)
  checkFeatures(where, 'database', database)
  if (queries.dim !== database.dim) {
    throw new RangeError(
      `${where}: expected queries and database of one width, got ${queries.dim} and ${database.dim}. Are they from one model?`,
    )
  }
  if (!Number.isInteger(k) || k < 1) {
    throw new RangeError(`${where}: expected k to be a whole number of 1 or more, got ${k}.`)
  }
  if (metric !== 'cosine' && metric !== 'dot') {
    throw new RangeError(`${where}: expected metric 'cosine' or 'dot', got '${metric}'.`)
  }
  if (leaveOneOut && (queries.rows !== database.rows || queries.data !== database.data)) {
    throw new RangeError(`${where}: leaveOneOut needs the database as queries. Pass the same features twice.`)
  }
}

/** What each row is multiplied by; refuses rows that are not finite. */
export function scalesOf(where: string, features: Features, metric: 'cosine' | 'dot'): Float64Array {
  const scales = new Float64Array(features.rows)
  for (let row = 0; row < features.rows; row++) {
    const length = rowLength(where, features, row)
    scales[row] = metric === 'cosine' ? 1 / length : 1
  }
  return scales
}
