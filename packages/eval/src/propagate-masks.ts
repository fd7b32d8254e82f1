import { checkFeatures, type Features, normalize } from './features.js'

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
  { height, width, topk = 5, neighbourhood = 12, temperature = 0.1 }: PropagateOptions,
): Float32Array {
  const patches = height * width
  check(target, context, { height, width, topk, neighbourhood, temperature })
  const objects = context[0]!.masks.length / patches
  const queries = normalize(target)
  const keys = context.map(({ features }) => normalize(features))
  const { dim } = target
  const reach = neighbourhood > 0 ? neighbourhood : Math.max(height, width)
  const out = new Float32Array(objects * patches)
  const similarities = new Float64Array(context.length * patches)
  const sums = new Float64Array(objects)
  const places = new Int32Array(context.length * patches)

  for (let patch = 0; patch < patches; patch++) {
    const [row, column] = [Math.floor(patch / width), patch % width]
    const [top, bottom] = [Math.max(0, row - reach), Math.min(height - 1, row + reach)]
    const [left, right] = [Math.max(0, column - reach), Math.min(width - 1, column + reach)]
    let count = 0
    for (const [frame, { data }] of keys.entries()) {
      for (let y = top; y <= bottom; y++) {
        for (let x = left; x <= right; x++) {
          const other = y * width + x
          places[count] = frame * patches + other
          similarities[count++] = dot(queries.data, patch * dim, data, other * dim, dim)
        }
      }
    }
    const least = kthLargest(similarities, count, topk)
    let total = 0
    sums.fill(0)
    for (let i = 0; i < count; i++) {
      if (similarities[i] < least) continue
      const weight = Math.exp(similarities[i] / temperature)
      total += weight
      const { masks } = context[Math.floor(places[i] / patches)]!
      const other = places[i] % patches
      for (let object = 0; object < objects; object++) sums[object] += weight * masks[object * patches + other]
    }
    for (let object = 0; object < objects; object++) out[object * patches + patch] = sums[object] / total
  }
  return out
}

/**
 * Each mask stretched to reach from 0 to 1; one without a positive value stays as it is.
 *
 * @param masks [objects, height · width]
 * @returns the same, in a new array
 */
export function normalizeMasks(masks: Float32Array, objects: number): Float32Array {
  const out = masks.slice()
  const patches = masks.length / objects
  if (!Number.isInteger(patches)) {
    throw new RangeError(`normalizeMasks: expected masks of one size, got ${masks.length} values for ${objects}.`)
  }
  for (let object = 0; object < objects; object++) {
    const mask = out.subarray(object * patches, (object + 1) * patches)
    let [least, most] = [Infinity, -Infinity]
    for (const value of mask) {
      least = Math.min(least, value)
      most = Math.max(most, value)
    }
    if (!(most > 0)) continue
    const range = most - least
    for (let i = 0; i < patches; i++) mask[i] = range > 0 ? (mask[i] - least) / range : 0
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

function dot(a: Float32Array, i: number, b: Float32Array, j: number, length: number): number {
  let sum = 0
  for (let d = 0; d < length; d++) sum += a[i + d] * b[j + d]
  return sum
}

/** The k-th largest of the first `count` values; the least when there are fewer. */
function kthLargest(values: Float64Array, count: number, k: number): number {
  const kept = new Float64Array(Math.min(k, count)).fill(-Infinity) // rising
  for (let i = 0; i < count; i++) {
    if (values[i] <= kept[0]) continue
    let at = 0
    while (at + 1 < kept.length && kept[at + 1] < values[i]) {
      kept[at] = kept[at + 1]
      at++
    }
    kept[at] = values[i]
  }
  return kept[0]!
}
