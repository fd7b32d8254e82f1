import type { Features } from './features.js'
import { checkNearest, type Nearest, type NearestOptions, scalesOf } from './nearest.js'
import { createTop, offerOne, sortTop } from './top.js'

/**
 * The k most similar of a few database rows of each query, for what finds them fast and inexactly: float32 on an engine, an
 * approximate index. Similarities are bit for bit those of `nearest`, and so is the answer where the candidates hold it.
 *
 * @param queries [Q, dim]
 * @param database [N, dim]
 * @param candidates [Q, C] rows of the database in any order, none twice for one query; a negative one is none
 * @param k neighbours, 1 or more; clipped to N, or N - 1 with leaveOneOut. Each query needs as many candidates
 */
export function nearestAmong(
  queries: Features,
  database: Features,
  candidates: Int32Array,
  k: number,
  { metric = 'cosine', leaveOneOut = false }: NearestOptions = {},
): Nearest {
  checkNearest('nearestAmong', queries, database, k, { metric, leaveOneOut })
  const kept = Math.min(k, leaveOneOut ? Math.max(0, database.rows - 1) : database.rows)
  const width = queries.rows === 0 ? 0 : candidates.length / queries.rows
  if (!Number.isInteger(width)) {
    throw new RangeError(
      `nearestAmong: expected as many candidates for each of ${queries.rows} queries, got ${candidates.length} in all.`,
    )
  }
  const top = createTop(queries.rows, kept)
  const scales = scalesOf('nearestAmong', queries, metric)
  const databaseScales = leaveOneOut ? scales : scalesOf('nearestAmong', database, metric)
  const { data, dim } = queries
  const query = new Float64Array(dim)
  const products = new Float64Array(width + LANES)
  for (let q = 0; q < queries.rows; q++) {
    // In rising order, which settles ties.
    const rows = candidates
      .subarray(q * width, (q + 1) * width)
      .filter((row) => row >= 0 && !(leaveOneOut && row === q))
      .sort()
    if (rows.length < kept || (rows.length > 0 && rows[rows.length - 1] >= database.rows)) {
      throw new RangeError(
        `nearestAmong: expected ${kept} or more rows below ${database.rows} as candidates, got ${rows.length} for query ${q}.`,
      )
    }
    for (let d = 0; d < dim; d++) query[d] = data[q * dim + d] * scales[q]
    multiply(query, database, databaseScales, rows, products)
    for (let i = 0; i < rows.length; i++) offerOne(top, q, products[i], rows[i])
  }
  return sortTop(top, queries.rows)
}

/** Rows at a time: a sum in the order of the dimensions waits for each addition, four of them wait together. */
const LANES = 4

/** products[i] = sum over d of query[d] * row[d], summed as `nearest` does. */
function multiply(
  query: Float64Array,
  { data, dim }: Features,
  scales: Float64Array,
  rows: Int32Array,
  products: Float64Array,
): void {
  const last = rows.length - 1
  for (let i = 0; i <= last; i += LANES) {
    const [r0, r1, r2, r3] = [
      rows[i],
      rows[Math.min(i + 1, last)],
      rows[Math.min(i + 2, last)],
      rows[Math.min(i + 3, last)],
    ]
    const [s0, s1, s2, s3] = [scales[r0], scales[r1], scales[r2], scales[r3]]
    const [o0, o1, o2, o3] = [r0 * dim, r1 * dim, r2 * dim, r3 * dim]
    let c0 = 0
    let c1 = 0
    let c2 = 0
    let c3 = 0
    for (let d = 0; d < dim; d++) {
      const x = query[d]
      c0 += x * (data[o0 + d] * s0)
      c1 += x * (data[o1 + d] * s1)
      c2 += x * (data[o2 + d] * s2)
      c3 += x * (data[o3 + d] * s3)
    }
    products[i] = c0
    products[i + 1] = c1
    products[i + 2] = c2
    products[i + 3] = c3
  }
}
