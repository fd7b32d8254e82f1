import type { InputSpec } from '@dino/graph'
import { type DropPathRows, dropPathMask, dropPathRates, dropPathRows } from '@dino/vit'
import type * as tf from '@tensorflow/tfjs-core'
import type { TrainConfig } from '../config/schema.js'
import { isVit, type Params, vitOf } from './backbone.js'
import type { CropFeeds } from './compile-step.js'
import type { Setup } from './model.js'
import type { CropInputs } from './step.js'

const groups = ['Global', 'Local'] as const

/** The stochastic depth of batch number `index` of a run: one draw for its global crops, another for its local ones. */
export function dropPathFeeds(
  { backbone }: Pick<Setup, 'backbone'>,
  { batchSize: B, localCropsNumber: L, dropPathRate: rate, dropPathRows, seed }: TrainConfig,
  index: number,
): Pick<CropFeeds, 'dropPathGlobal' | 'dropPathLocal'> {
  if (rate === 0) return {}
  const { depth } = vitOf(backbone)
  const subset = dropPathRows === 'subset'
  const mask = (group: 0 | 1, rows: number) =>
    dropPathMask({ depth, rate, batch: rows, seed, step: 2 * index + group, subset })
  return { dropPathGlobal: mask(0, 2 * B), ...(L > 0 && { dropPathLocal: mask(1, L * B) }) }
}

/** The inputs of a step on B images that its stochastic depth takes. */
export function dropPathSpecs(
  { backbone }: Pick<Setup, 'backbone'>,
  { localCropsNumber: L, dropPathRate: rate, dropPathRows }: TrainConfig,
  B: number,
): Record<string, InputSpec> {
  if (rate === 0 || !isVit(backbone)) return {}
  const branches = dropPathRates(backbone.depth, rate).flatMap((dropRate) => [dropRate, dropRate])
  const specs: Record<string, InputSpec> = {}
  for (const group of groups) {
    const rows = group === 'Global' ? 2 * B : L * B
    if (rows === 0) continue
    specs[`dropPath${group}`] = { shape: [branches.length, rows] }
    if (!leavesOut(dropPathRows)) continue
    specs[placesOf(group)] = { shape: [branches.length, rows], dtype: 'int32' }
    for (const [i, dropRate] of branches.entries()) {
      if (dropRate > 0) specs[rowsOf(group, i)] = { shape: [rows], dtype: 'int32', upTo: true }
    }
  }
  return specs
}

/** The feeds of a step with the rows that its branches compute, if they leave out what is dropped. */
export function withRows(
  crops: CropFeeds,
  { batchSize, microBatch = batchSize, localCropsNumber: L, dropPathRows: which }: TrainConfig,
): CropFeeds & Record<string, ArrayBufferView> {
  const feeds: Record<string, ArrayBufferView> = { ...crops }
  for (const group of leavesOut(which) ? groups : []) {
    const mask = crops[`dropPath${group}`]
    if (!mask) continue
    const { rows, places } = dropPathRows(mask, (group === 'Global' ? 2 : L) * microBatch)
    feeds[placesOf(group)] = places
    // The first block drops nothing: linspace(0, rate, depth).
    for (const [i, own] of rows.entries()) if (i >= 2) feeds[rowsOf(group, i)] = own
  }
  return feeds as CropFeeds & Record<string, ArrayBufferView>
}

/** What a step's images have of it, out of all inputs. */
export function dropPathInputs(
  inputs: Params,
): Pick<CropInputs, 'dropPathGlobal' | 'dropPathLocal' | 'dropPathRowsGlobal' | 'dropPathRowsLocal'> {
  const found: ReturnType<typeof dropPathInputs> = {}
  for (const group of groups) {
    const mask = inputs[`dropPath${group}`] as tf.Tensor2D | undefined
    const places = inputs[placesOf(group)] as tf.Tensor2D | undefined
    if (mask) found[`dropPath${group}`] = mask
    if (!mask || !places) continue
    const rows = Array.from({ length: mask.shape[0] }, (_, i) => inputs[rowsOf(group, i)] as tf.Tensor1D | undefined)
    found[`dropPathRows${group}`] = { rows, places } satisfies DropPathRows
  }
  return found
}

function leavesOut(rows: TrainConfig['dropPathRows']): boolean {
  return rows === 'kept' || rows === 'subset'
}

function placesOf(group: (typeof groups)[number]): string {
  return `dropPathPlaces${group}`
}

function rowsOf(group: (typeof groups)[number], branch: number): string {
  return `dropPathRows${group}.${branch}`
}
