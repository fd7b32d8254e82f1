import { createHash } from 'node:crypto'
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Features, type Nearest, nearest, nearestAmong, normalize } from '@dino/eval'
import { Failure } from '../report/io.js'
import type { SearchIndex } from './search-index.js'

/** Rows up to which comparing all is fast enough: a quarter of a second a query at 384 numbers a row. */
export const EXACT_ROWS = 50_000

type Usearch = typeof import('usearch')

/** An approximate index of the same rows, beside their features. Its name tells of which: another one is not looked at. */
export function graphPath(folder: string, { files, stamps, settings }: SearchIndex): string {
  const hash = createHash('sha256').update(JSON.stringify([settings, files]))
  hash.update(new Uint8Array(stamps.buffer, stamps.byteOffset, stamps.byteLength))
  return join(folder, `graph-${hash.digest('hex').slice(0, 16)}.usearch`)
}

/** Whether the optional usearch is there. */
export function hasUsearch(): boolean {
  return loadUsearch() !== undefined
}

/** @throws Failure that says what to install */
export function needUsearch(): Usearch {
  const usearch = loadUsearch()
  if (usearch) return usearch
  throw new Failure(
    'Approximate search needs usearch, which is not installed or does not load here: npm install usearch@2.25.3. ' +
      'Exact search needs nothing: dino search build without --approximate, dino search query with --exact.',
  )
}

/** Builds the approximate index, unless it is there, and removes those of earlier rows. @throws Failure without usearch */
export function buildGraph(folder: string, index: SearchIndex, { threads = 0 }: { threads?: number } = {}): void {
  const path = graphPath(folder, index)
  if (!existsSync(path)) {
    const { rows, dim } = index.features
    const graph = newGraph(dim)
    if (rows > 0)
      graph.add(
        BigUint64Array.from({ length: rows }, (_, i) => BigInt(i)),
        normalize(index.features).data,
        threads,
      )
    const half = join(folder, `.graph-${process.pid}.tmp`)
    graph.save(half)
    renameSync(half, path)
  }
  removeGraphs(folder, path)
}

/** Removes approximate indices, but the one to keep. */
export function removeGraphs(folder: string, keep?: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (/^(graph-.*\.usearch|\.graph-.*\.tmp)$/.test(name) && path !== keep) rmSync(path, { force: true })
  }
}

/**
 * The k most similar rows of each query: candidates of the approximate index, their cosines exact. Where it finds fewer than k, all
 * rows are compared.
 */
export function nearestByGraph(folder: string, index: SearchIndex, queries: Features, k: number): Nearest {
  const { features } = index
  const kept = Math.min(k, features.rows)
  const width = Math.min(features.rows, Math.max(4 * kept, 64))
  const graph = newGraph(features.dim)
  graph.view(graphPath(folder, index))
  const candidates = new Int32Array(queries.rows * width).fill(-1)
  const unit = normalize(queries)
  for (let q = 0; q < queries.rows; q++) {
    const { keys } = graph.search(unit.data.subarray(q * unit.dim, (q + 1) * unit.dim), width, 1)
    const found = Array.from(keys, Number).filter((row) => row < features.rows)
    if (found.length < kept) return nearest(queries, features, k)
    candidates.set(found, q * width)
  }
  return nearestAmong(queries, features, candidates, k)
}

function newGraph(dim: number) {
  const usearch = needUsearch()
  // More neighbours tried than by default (128 and 64): that is what recall is bought with.
  return new usearch.Index({
    dimensions: dim,
    metric: usearch.MetricKind.Cos,
    quantization: usearch.ScalarKind.F32,
    connectivity: 16,
    expansion_add: 128,
    expansion_search: 128,
    multi: false,
  })
}

/** Through require: its ES module looks for the addon beside the script that was started. */
function loadUsearch(): Usearch | undefined {
  try {
    return createRequire(import.meta.url)('usearch') as Usearch
  } catch {
    return undefined
  }
}
