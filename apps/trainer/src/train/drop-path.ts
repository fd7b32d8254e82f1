import { dropPathMask } from '@dino/vit'
import type { TrainConfig } from '../config/schema.js'
import { vitOf } from './backbone.js'
import type { CropFeeds } from './compile-step.js'
import type { Setup } from './model.js'

/** The stochastic depth of batch number `index` of a run: one draw for its global crops, another for its local ones. */
export function dropPathFeeds(
  { backbone }: Pick<Setup, 'backbone'>,
  { batchSize: B, localCropsNumber: L, dropPathRate: rate, seed }: TrainConfig,
  index: number,
): Pick<CropFeeds, 'dropPathGlobal' | 'dropPathLocal'> {
  if (rate === 0) return {}
  const { depth } = vitOf(backbone)
  const mask = (group: 0 | 1, rows: number) => dropPathMask({ depth, rate, batch: rows, seed, step: 2 * index + group })
  return { dropPathGlobal: mask(0, 2 * B), ...(L > 0 && { dropPathLocal: mask(1, L * B) }) }
}
