import type { Nearest } from './nearest.js'

/** Per query a binary heap with the worst kept neighbour at its root. */
export interface Top {
  k: number
  filled: Int32Array
  indices: Int32Array
  similarities: Float64Array
}

export function createTop(queries: number, k: number): Top {
  return {
    k,
    filled: new Int32Array(queries),
    indices: new Int32Array(queries * k),
    similarities: new Float64Array(queries * k),
  }
}

/** Offers one query the products of a block of rows from `base` on. */
export function offer(
  top: Top,
  query: number,
  products: Float64Array,
  from: number,
  columns: number,
  base: number,
): void {
  for (let column = 0; column < columns; column++) offerOne(top, query, products[from + column], base + column)
}

/** Rows have to come in rising order: an equal that comes later does not displace one. */
export function offerOne(top: Top, query: number, similarity: number, row: number): void {
  if (top.filled[query] < top.k) push(top, query, similarity, row)
  else if (similarity > top.similarities[query * top.k]) replaceRoot(top, query, similarity, row)
}

function push({ k, filled, indices, similarities }: Top, query: number, similarity: number, index: number): void {
  const root = query * k
  let at = filled[query]++
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isWorse(similarity, index, similarities[root + parent], indices[root + parent])) break
    similarities[root + at] = similarities[root + parent]
    indices[root + at] = indices[root + parent]
    at = parent
  }
  similarities[root + at] = similarity
  indices[root + at] = index
}

function replaceRoot({ k, indices, similarities }: Top, query: number, similarity: number, index: number): void {
  const root = query * k
  let at = 0
  for (let child = 1; child < k; child = 2 * at + 1) {
    const right = child + 1
    if (
      right < k &&
      isWorse(similarities[root + right], indices[root + right], similarities[root + child], indices[root + child])
    ) {
      child = right
    }
    if (!isWorse(similarities[root + child], indices[root + child], similarity, index)) break
    similarities[root + at] = similarities[root + child]
    indices[root + at] = indices[root + child]
    at = child
  }
  similarities[root + at] = similarity
  indices[root + at] = index
}

function isWorse(similarity: number, index: number, otherSimilarity: number, otherIndex: number): boolean {
  return similarity < otherSimilarity || (similarity === otherSimilarity && index > otherIndex)
}

export function sortTop({ k, indices, similarities }: Top, queries: number): Nearest {
  const sorted: Nearest = { k, indices: new Int32Array(queries * k), similarities: new Float32Array(queries * k) }
  const order = Array.from({ length: k }, (_, i) => i)
  for (let root = 0; root < queries * k; root += k) {
    order.sort((i, j) => similarities[root + j] - similarities[root + i] || indices[root + i] - indices[root + j])
    order.forEach((from, to) => {
      sorted.indices[root + to] = indices[root + from]
      sorted.similarities[root + to] = similarities[root + from]
    })
  }
  return sorted
}
