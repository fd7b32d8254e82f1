import { checkFeatures, type Features, rowLength } from './features.js'
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

/** Rows of a block, and dimensions at a time: two packed panels are 1 MB and 0.5 MB, and stay in a second-level cache. */
const DATABASE_BLOCK = 256
const QUERY_BLOCK = 128
const DEPTH = 512
/** Sizes of the tile that stays in registers: 8 sums and 6 operands fit the 16 of x86-64. */
const QUERY_TILE = 4
const DATABASE_TILE = 2

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
  const { dim } = queries
  const kept = Math.min(k, leaveOneOut ? Math.max(0, database.rows - 1) : database.rows)
  const top = createTop(queries.rows, kept)
  const scales = scalesOf('nearest', queries, metric)
  const databaseScales = leaveOneOut ? scales : scalesOf('nearest', database, metric)
  const depth = Math.min(DEPTH, dim)
  const queryPanel = new Float64Array(QUERY_BLOCK * depth)
  const databasePanel = new Float64Array(DATABASE_BLOCK * depth)
  const products = new Float64Array(QUERY_BLOCK * DATABASE_BLOCK)

  for (let first = 0; first < queries.rows; first += QUERY_BLOCK) {
    const rows = Math.min(QUERY_BLOCK, queries.rows - first)
    // Database rows come in rising order, which settles ties.
    for (let base = 0; base < database.rows; base += DATABASE_BLOCK) {
      const columns = Math.min(DATABASE_BLOCK, database.rows - base)
      products.fill(0)
      for (let from = 0; from < dim; from += DEPTH) {
        const to = Math.min(from + DEPTH, dim)
        pack(queries, scales, first, rows, from, to, QUERY_TILE, queryPanel)
        pack(database, databaseScales, base, columns, from, to, DATABASE_TILE, databasePanel)
        addProducts(queryPanel, rows, databasePanel, columns, to - from, products)
      }
      for (let row = 0; row < rows; row++) {
        const self = first + row - base
        // Others displace it: they are as many as are kept.
        if (leaveOneOut && self >= 0 && self < columns) products[row * DATABASE_BLOCK + self] = Number.NEGATIVE_INFINITY
        offer(top, first + row, products, row * DATABASE_BLOCK, columns, base)
      }
    }
  }
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

/** Dimensions `from` to `to` of some rows, scaled, as float64: `tile` rows lie interleaved; the last tile ends in zeros. */
function pack(
  { data, dim }: Features,
  scales: Float64Array,
  first: number,
  rows: number,
  from: number,
  to: number,
  tile: number,
  panel: Float64Array,
): void {
  const depth = to - from
  for (let row = 0; row < Math.ceil(rows / tile) * tile; row++) {
    const target = Math.floor(row / tile) * tile * depth + (row % tile)
    const source = (first + row) * dim + from
    const scale = scales[first + row]
    for (let d = 0; d < depth; d++) panel[target + d * tile] = row < rows ? data[source + d] * scale : 0
  }
}

/**
 * products[q, n] += sum over d of queries[q, d] * database[n, d], in tiles of 4 by 2: more than twice as fast as a
 * plain loop. A sum goes on from what is there, so that DEPTH does not show in the result.
 */
function addProducts(
  a: Float64Array,
  rows: number,
  b: Float64Array,
  columns: number,
  depth: number,
  products: Float64Array,
): void {
  for (let row = 0; row < rows; row += QUERY_TILE) {
    for (let column = 0; column < columns; column += DATABASE_TILE) {
      const o0 = row * DATABASE_BLOCK + column
      const o1 = o0 + DATABASE_BLOCK
      const o2 = o1 + DATABASE_BLOCK
      const o3 = o2 + DATABASE_BLOCK
      let c00 = products[o0]
      let c01 = products[o0 + 1]
      let c10 = products[o1]
      let c11 = products[o1 + 1]
      let c20 = products[o2]
      let c21 = products[o2 + 1]
      let c30 = products[o3]
      let c31 = products[o3 + 1]
      let i = row * depth
      let j = column * depth
      for (const end = i + QUERY_TILE * depth; i < end; i += QUERY_TILE, j += DATABASE_TILE) {
        const a0 = a[i]
        const a1 = a[i + 1]
        const a2 = a[i + 2]
        const a3 = a[i + 3]
        const b0 = b[j]
        const b1 = b[j + 1]
        c00 += a0 * b0
        c01 += a0 * b1
        c10 += a1 * b0
        c11 += a1 * b1
        c20 += a2 * b0
        c21 += a2 * b1
        c30 += a3 * b0
        c31 += a3 * b1
      }
      products[o0] = c00
      products[o0 + 1] = c01
      products[o1] = c10
      products[o1 + 1] = c11
      products[o2] = c20
      products[o2 + 1] = c21
      products[o3] = c30
      products[o3 + 1] = c31
    }
  }
}
