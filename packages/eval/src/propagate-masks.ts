import { video as defaults } from './defaults.js'
import { checkFeatures, type Features, rowLength } from './features.js'
import { QUERIES, windowProducts } from './window-products.js'

/** A frame whose masks are known. */
export interface ContextFrame {
  /** [height · width, dim], row by row. */
  features: Features
  /** [objects, height · width], background included: how much each patch is of each. */
  masks: Float32Array
}

export interface PropagateOptions {
  /** Size of a frame in patches. */
  height: number
  width: number
  /** Patches of the context that a patch takes its masks from. Default 5; equals of the last one count too. */
  topk?: number
  /** How many rows and columns away they may be; 0 for anywhere. Default 12. */
  neighbourhood?: number
  /** Of the similarities. Default 0.1. */
  temperature?: number
}

/**
 * Masks of a frame from those of earlier ones: each patch takes the mean of its most similar patches in the context, weighted by
 * exp(cosine / temperature).
 *
 * Caron et al. 2021, section 4.2.2; Jabri et al. 2020. Reference: `eval_video_segmentation.py` (METHOD.md, 1.18).
 *
 * @param target [height · width, dim]
 * @param context in any order: the first frame and the last few
 * @returns [objects, height · width]
 */
export function propagateMasks(
  target: Features,
  context: readonly ContextFrame[],
  {
    height,
    width,
    topk = defaults.topk,
    neighbourhood = defaults.neighbourhood,
    temperature = defaults.temperature,
  }: PropagateOptions,
): Float32Array {
  const patches = height * width
  check(target, context, { height, width, topk, neighbourhood, temperature })
  const objects = context[0]!.masks.length / patches
  const reach = neighbourhood > 0 ? neighbourhood : Math.max(height, width)
  const products = windowProducts({
    keys: context.length * patches,
    dim: target.dim,
    width,
    products: context.length * Math.min(height, 2 * reach + 1) * Math.min(width, 2 * reach + QUERIES),
  })
  for (const [frame, { features }] of context.entries()) {
    writeNormalized(features, 0, patches, products.keys.subarray(frame * patches * products.stride), products.stride)
  }
  const out = new Float32Array(objects * patches)
  const sums = new Float64Array(objects)
  const largest = new Float64Array(topk) // rising

  for (let row = 0; row < height; row++) {
    const [first, last] = [Math.max(0, row - reach), Math.min(height - 1, row + reach)]
    const rows = last - first + 1
    // Neighbours in a row have nearly the same neighbourhood: all of theirs is computed for each.
    for (let column = 0; column < width; column += QUERIES) {
      const queries = Math.min(QUERIES, width - column)
      const left = Math.max(0, column - reach)
      const columns = Math.min(width - 1, column + queries - 1 + reach) - left + 1
      writeNormalized(target, row * width + column, queries, products.queries, products.stride)
      for (let frame = 0; frame < context.length; frame++) {
        products.window(frame * patches + first * width + left, rows, columns, frame * rows * columns)
      }
      for (let query = 0; query < queries; query++) {
        const from = Math.max(0, column + query - reach) - left
        const to = Math.min(width - 1, column + query + reach) - left
        const similarities = products.out.subarray(query * products.outStride, (query + 1) * products.outStride)
        takeLargest(similarities, context.length * rows, columns, from, to, largest)
        const [least, most] = [largest[0], largest[topk - 1]]
        let total = 0
        sums.fill(0)
        for (let line = 0; line < context.length * rows; line++) {
          for (let x = from; x <= to; x++) {
            const similarity = similarities[line * columns + x]
            if (similarity < least) continue
            const weight = Math.exp((similarity - most) / temperature)
            total += weight
            const { masks } = context[Math.floor(line / rows)]!
            const other = (first + (line % rows)) * width + left + x
            for (let object = 0; object < objects; object++) sums[object] += weight * masks[object * patches + other]
          }
        }
        const patch = row * width + column + query
        for (let object = 0; object < objects; object++) out[object * patches + patch] = sums[object] / total
      }
    }
  }
  return out
}

function check(target: Features, context: readonly ContextFrame[], options: Required<PropagateOptions>): void {
  const { height, width, topk, neighbourhood, temperature } = options
  const patches = height * width
  if (context.length === 0) throw new RangeError('propagateMasks: expected at least one frame whose masks are known.')
  for (const [name, features] of [
    ['target', target],
    ...context.map((frame, i) => [`context[${i}].features`, frame.features] as const),
  ] as const) {
    checkFeatures('propagateMasks', name, features)
    if (features.rows === patches && features.dim === target.dim) continue
    throw new RangeError(
      `propagateMasks: expected ${name} of [${patches}, ${target.dim}] for ${height} x ${width} patches, got [${features.rows}, ${features.dim}].`,
    )
  }
  const size = context[0]!.masks.length
  if (size === 0 || size % patches !== 0 || context.some(({ masks }) => masks.length !== size)) {
    throw new RangeError(`propagateMasks: expected masks of the same objects, ${patches} values each, for every frame.`)
  }
  if (!(Number.isInteger(topk) && topk >= 1)) {
    throw new RangeError(`propagateMasks: expected topk to be a whole number of 1 or more, got ${topk}.`)
  }
  if (!(Number.isInteger(neighbourhood) && neighbourhood >= 0)) {
    throw new RangeError(`propagateMasks: expected neighbourhood to be a whole number from 0, got ${neighbourhood}.`)
  }
  if (!(temperature > 0)) throw new RangeError(`propagateMasks: expected a temperature above 0, got ${temperature}.`)
}

/** Rows `first` and on, each divided by its length, to `out`, where rows are `stride` apart and end in zeros. */
function writeNormalized(features: Features, first: number, rows: number, out: Float32Array, stride: number): void {
  const { data, dim } = features
  for (let row = 0; row < rows; row++) {
    const scale = 1 / rowLength('propagateMasks', features, first + row)
    const [source, target] = [(first + row) * dim, row * stride]
    for (let d = 0; d < dim; d++) out[target + d] = data[source + d] * scale
    out.fill(0, target + dim, target + stride)
  }
}

/**
 * The k largest values from column `from` to `to` of some rows, rising; minus infinity before them when there are fewer.
 *
 * @param largest [k], written
 */
function takeLargest(
  values: Float32Array,
  rows: number,
  columns: number,
  from: number,
  to: number,
  largest: Float64Array,
): void {
  largest.fill(Number.NEGATIVE_INFINITY)
  for (let row = 0; row < rows; row++) {
    for (let i = row * columns + from; i <= row * columns + to; i++) {
      const value = values[i]
      if (value <= largest[0]) continue
      let at = 0
      while (at + 1 < largest.length && largest[at + 1] < value) {
        largest[at] = largest[at + 1]
        at++
      }
      largest[at] = value
    }
  }
}
