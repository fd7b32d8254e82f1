import { checkFeatures, type Features } from './features.js'
import { multiplyBlocks, type ProductBlock } from './multiply-blocks.js'
import { type Nearest, scalesOf } from './nearest.js'

export interface DuplicateOptions {
  /**
   * Other rows nearest to each row (`nearest` with leaveOneOut, or something faster that gives the same): rows whose last one still reaches the
   * threshold are compared with all, others need not be. Default: all pairs are compared.
   */
  neighbours?: Nearest
  signal?: AbortSignal
  /** Told how many of all rows have been compared with the others. */
  onProgress?(done: number, total: number): void
}

/** Rows compared with all others between two looks at the event loop. */
const ROWS = 128

/**
 * Groups of rows that are nearly the same: rows whose cosine is the threshold or more, and whoever is so linked to one of them.
 *
 * Every pair is compared, in float64, so the groups are exact and do not depend on the order of the rows; memory is 2 MB and 12 bytes a row.
 * Gives way to other work now and then.
 *
 * @param features [rows, dim], any lengths
 * @param threshold cosine, -1 to 1
 * @returns groups of two rows or more, each in rising order, by their first rows
 */
export async function duplicateGroups(
  features: Features,
  threshold: number,
  { neighbours, signal, onProgress }: DuplicateOptions = {},
): Promise<number[][]> {
  checkFeatures('duplicateGroups', 'features', features)
  if (!(threshold >= -1 && threshold <= 1)) {
    throw new RangeError(`duplicateGroups: expected a cosine of -1 to 1 as threshold, got ${threshold}.`)
  }
  const { rows } = features
  const scales = scalesOf('duplicateGroups', features, 'cosine')
  const parents = Int32Array.from({ length: rows }, (_, row) => row)
  const link = ({ first, rows, base, columns, products, width }: ProductBlock) => {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        if (products[i * width + j] >= threshold) join(parents, first + i, base + j)
      }
    }
  }
  const whole = neighbours && linkNeighbours(parents, neighbours, threshold)
  for (let from = 0; from < rows; from += ROWS) {
    const to = Math.min(from + ROWS, rows)
    if (whole?.slice(from, to).every((seen) => seen === 1)) continue
    signal?.throwIfAborted()
    // Pairs with earlier rows were seen with those, if all rows are.
    multiplyBlocks(features, scales, features, scales, link, { from, to, upper: !whole })
    onProgress?.(to, rows)
    await new Promise((resume) => setTimeout(resume))
  }
  const groups = new Map<number, number[]>()
  for (let row = 0; row < rows; row++) {
    const root = rootOf(parents, row)
    if (!groups.has(root)) groups.set(root, [])
    groups.get(root)!.push(row)
  }
  return [...groups.values()].filter(({ length }) => length > 1)
}

/** @returns for each row, whether all that it is linked to are among its neighbours */
function linkNeighbours(parents: Int32Array, { k, indices, similarities }: Nearest, threshold: number): Uint8Array {
  return Uint8Array.from(parents, (_, row) => {
    for (let at = row * k; at < (row + 1) * k; at++) {
      if (!(similarities[at] >= threshold)) return 1
      join(parents, row, indices[at])
    }
    return Number(k >= parents.length - 1)
  })
}

/** The lower root becomes the root of both. */
function join(parents: Int32Array, a: number, b: number): void {
  const [rootA, rootB] = [rootOf(parents, a), rootOf(parents, b)]
  if (rootA < rootB) parents[rootB] = rootA
  else parents[rootA] = rootB
}

/** Halves the way as it goes. */
function rootOf(parents: Int32Array, row: number): number {
  while (parents[row] !== row) {
    parents[row] = parents[parents[row]]
    row = parents[row]
  }
  return row
}
