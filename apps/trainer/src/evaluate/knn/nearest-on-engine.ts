import { type Features, type Nearest, type NearestOptions, nearest, nearestAmong } from '@dino/eval'
import { type Compiled, compile, type Session } from '@dino/graph'
import * as tf from '@tensorflow/tfjs-core'
import { Failure } from '../../report/io.js'
import type { HostTensor } from '../../train/host-tensor.js'

export interface EngineOptions extends NearestOptions {
  signal?: AbortSignal
  /** Told how many of all pairs of rows have been compared. */
  onProgress?(done: number, total: number): void
  /** Multiplications up to which `nearest` does it, in about the time that an engine takes to begin. Default 2e9. */
  small?: number
  /** Most bytes of the database, and of products with it, that the engine holds at a time. Default 100 MB. */
  blockBytes?: number
}

/** Neighbours that the engine proposes beyond those asked for: near ties that float32 puts in another order. */
const SPARE = 16
/** Queries of a call. */
const QUERIES = 256

/**
 * What `nearest` of @dino/eval finds, with the products on TensorFlow: in float32 it proposes k + 16 rows of the database for each
 * query, of which `nearestAmong` takes the k best in float64. Similarities and their order are so those of `nearest`, bit for bit;
 * only where float32 cannot tell the k-th row from 16 others may one of these stand in its place.
 *
 * On other engines, and where there is little to compute, `nearest` does it.
 *
 * @param queries [Q, dim]
 * @param database [N, dim]
 * @param k neighbours, 1 or more; clipped to N, or N - 1 with leaveOneOut
 */
export async function nearestOnEngine(
  session: Session,
  queries: Features,
  database: Features,
  k: number,
  { signal, onProgress, small = 2e9, blockBytes = 100e6, ...options }: EngineOptions = {},
): Promise<Nearest> {
  const width = Math.min(k + SPARE, database.rows)
  const most = Math.floor(blockBytes / 4 / Math.max(database.dim, QUERIES))
  const rows = Math.min(database.rows, most)
  const multiplications = queries.rows * database.rows * database.dim
  // Most of the rows, or all of a block, are no choice: there is nothing to leave out.
  if (session.engine.kind !== 'tensorflow' || !(multiplications > small) || rows < 2 * width) {
    return nearest(queries, database, k, options)
  }
  const candidates = await propose(session, queries, database, { width, most, signal, onProgress, ...options })
  return nearestAmong(queries, database, candidates, k, options)
}

/** @returns [Q, width] rows of the database, in no order */
async function propose(
  session: Session,
  queries: Features,
  database: Features,
  { width, most, metric, signal, onProgress }: EngineOptions & { width: number; most: number },
): Promise<Int32Array> {
  const blocks = Math.ceil(database.rows / most)
  const groups = groupsOf(database.rows / blocks, width)
  const rows = Math.ceil(database.rows / blocks / groups) * groups
  const choice = new Choice(session, { dim: database.dim, rows, groups, width })
  const block = new Float32Array(rows * database.dim)
  const bias = new Float32Array(rows)
  const asked = new Float32Array(QUERIES * queries.dim)
  const calls = Math.ceil(queries.rows / QUERIES)
  const values = new Float32Array(calls * QUERIES * width).fill(Number.NEGATIVE_INFINITY)
  const found = new Int32Array(calls * QUERIES * width)
  try {
    for (let base = 0; base < database.rows; base += rows) {
      const there = copyRows(database, base, metric, block)
      bias.fill(Number.NEGATIVE_INFINITY, there) // no row, no neighbour
      await choice.load(block)
      for (let call = 0; call < calls; call++) {
        signal?.throwIfAborted()
        const [from, to] = [call * QUERIES * width, (call + 1) * QUERIES * width]
        copyRows(queries, call * QUERIES, metric, asked)
        const best = { values: values.subarray(from, to), rows: found.subarray(from, to) }
        const better = await choice.run({ queries: asked, bias, base, ...best })
        best.values.set(better.values!.data as Float32Array)
        best.rows.set(better.rows!.data as Int32Array)
        onProgress?.(
          base * queries.rows + there * Math.min((call + 1) * QUERIES, queries.rows),
          database.rows * queries.rows,
        )
      }
    }
  } finally {
    await choice.close()
  }
  return found.subarray(0, queries.rows * width)
}

/**
 * Rows that share a group. The groups with the largest maxima hold the largest products, so that two short lists are searched
 * instead of all products: √(rows / width) makes both equally long.
 */
function groupsOf(rows: number, width: number): number {
  return Math.max(1, Math.round(Math.sqrt(rows / width)))
}

/** Rows from `first` on, as many as fit; zeros below the last. Returns how many there are. */
function copyRows({ data, rows, dim }: Features, first: number, metric = 'cosine', target: Float32Array): number {
  const there = Math.min(target.length / dim, rows - first)
  target.fill(0, there * dim)
  for (let row = 0; row < there; row++) {
    const from = (first + row) * dim
    let squares = 0
    for (let d = from; d < from + dim; d++) squares += data[d]! ** 2
    if (!Number.isFinite(squares)) {
      throw new Failure(
        `Row ${first + row} of the features holds NaN or an infinity: did the model that made it diverge?`,
      )
    }
    const scale = metric === 'cosine' ? 1 / Math.max(Math.sqrt(squares), 1e-12) : 1
    for (let d = 0; d < dim; d++) target[row * dim + d] = data[from + d]! * scale
  }
  return there
}

interface Sizes {
  dim: number
  /** Rows of a block. */
  rows: number
  /** Rows of a group: row r is in group r mod (rows / groups). */
  groups: number
  width: number
}

let choices = 0

/** A block of the database in the session, and the compiled choice of the best of its rows and those found before. */
class Choice {
  private readonly variable = `nearest.${choices++}`
  private compiled: Compiled | undefined

  constructor(
    private readonly session: Session,
    private readonly sizes: Sizes,
  ) {}

  async load(block: Float32Array): Promise<void> {
    const { session, variable } = this
    const { dim, rows, width } = this.sizes
    const value: Record<string, HostTensor> = { [variable]: { dtype: 'float32', shape: [rows, dim], data: block } }
    if (this.compiled) return session.assign(value)
    await session.create(value)
    this.compiled = await compile((inputs, state) => ({ outputs: choose(inputs, state[variable]!, this.sizes) }), {
      session,
      name: 'nearest',
      inputs: {
        queries: { shape: [QUERIES, dim] },
        bias: { shape: [rows] },
        base: { shape: [], dtype: 'int32' },
        values: { shape: [QUERIES, width] },
        rows: { shape: [QUERIES, width], dtype: 'int32' },
      },
    })
  }

  run(inputs: Parameters<Compiled>[0]): ReturnType<Compiled> {
    return this.compiled!(inputs)
  }

  async close(): Promise<void> {
    if (!this.compiled) return
    this.compiled.dispose()
    await this.session.remove([this.variable])
  }
}

/** @returns values and rows, [Q, width] each, in no order: the largest of the products with the block, and of `inputs.values` */
function choose(inputs: Record<string, tf.Tensor>, block: tf.Tensor, { rows: R, groups: g, width }: Sizes) {
  const G = R / g
  const products = tf.add(tf.matMul(inputs.queries!, block as tf.Tensor2D, false, true), inputs.bias!) // [Q, R]
  const maxima = tf.max(tf.reshape(products, [QUERIES, g, G]), 1) // [Q, G]
  const best = tf.topk(maxima, width, false).indices // [Q, width]
  const members = tf.mul(tf.range(0, g, 1, 'int32'), tf.scalar(G, 'int32')) // [g]
  const columns = tf.reshape(tf.add(tf.expandDims(best, 2), members), [QUERIES, width * g]) // [Q, width · g]
  const values = tf.concat([inputs.values!, pick(products, columns)], 1) // [Q, width · (g + 1)]
  const rows = tf.concat([inputs.rows!, tf.add(columns, inputs.base!)], 1)
  const top = tf.topk(values, width, false)
  return { values: top.values, rows: pick(rows, top.indices) }
}

/** The elements of each row of `from` [Q, any] in the columns [Q, n] of that row. */
function pick(from: tf.Tensor, columns: tf.Tensor): tf.Tensor {
  const [Q, width] = from.shape as [number, number]
  const rowStarts = tf.reshape(tf.mul(tf.range(0, Q, 1, 'int32'), tf.scalar(width, 'int32')), [Q, 1])
  return tf.gather(tf.reshape(from, [-1]), tf.add(columns, rowStarts))
}
