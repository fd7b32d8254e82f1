import type { Features } from './features.js'

/** Products of some queries with some database rows. */
export interface ProductBlock {
  /** First query, and how many. */
  first: number
  rows: number
  /** First database row, and how many. */
  base: number
  columns: number
  /** Product of query `first + i` and row `base + j` at `i * width + j`; the next block overwrites them. */
  products: Float64Array
  width: number
}

/** Rows of a block, and dimensions at a time: two packed panels are 1 MB and 0.5 MB, and stay in a second-level cache. */
const DATABASE_BLOCK = 256
const QUERY_BLOCK = 128
const DEPTH = 512
/** Sizes of the tile that stays in registers: 8 sums and 6 operands fit the 16 of x86-64. */
const QUERY_TILE = 4
const DATABASE_TILE = 2

/**
 * All products of queries and database rows, each multiplied by its scale, block by block: memory is 2 MB, however many and wide they are.
 *
 * Sums are in float64 and in the order of the dimensions: a pair's product does not depend on its place.
 *
 * @param visit gets the blocks of one group of queries in rising order of the database, which settles ties
 * @param options.upper the queries are the database, and blocks that lie wholly below the diagonal are left out
 * @param options.from @param options.to queries, by default all
 */
export function multiplyBlocks(
  queries: Features,
  scales: Float64Array,
  database: Features,
  databaseScales: Float64Array,
  visit: (block: ProductBlock) => void,
  { from = 0, to = queries.rows, upper = false }: { from?: number; to?: number; upper?: boolean } = {},
): void {
  const { dim } = queries
  const depth = Math.min(DEPTH, dim)
  const queryPanel = new Float64Array(QUERY_BLOCK * depth)
  const databasePanel = new Float64Array(DATABASE_BLOCK * depth)
  const products = new Float64Array(QUERY_BLOCK * DATABASE_BLOCK)
  for (let first = from; first < to; first += QUERY_BLOCK) {
    const rows = Math.min(QUERY_BLOCK, to - first)
    const start = upper ? Math.floor(first / DATABASE_BLOCK) * DATABASE_BLOCK : 0
    for (let base = start; base < database.rows; base += DATABASE_BLOCK) {
      const columns = Math.min(DATABASE_BLOCK, database.rows - base)
      products.fill(0)
      for (let d = 0; d < dim; d += DEPTH) {
        const end = Math.min(d + DEPTH, dim)
        pack(queries, scales, first, rows, d, end, QUERY_TILE, queryPanel)
        pack(database, databaseScales, base, columns, d, end, DATABASE_TILE, databasePanel)
        addProducts(queryPanel, rows, databasePanel, columns, end - d, products)
      }
      visit({ first, rows, base, columns, products, width: DATABASE_BLOCK })
    }
  }
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
