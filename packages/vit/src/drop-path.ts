import { stream } from '@dino/random'
import { dropPath } from './defaults.js'

/**
 * The drop rate of each block: linspace(0, rate, depth). The first never drops.
 *
 * @param rate of the last block, from 0 to below 1
 */
export function dropPathRates(depth: number, rate: number): number[] {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`vit.dropPathRates: expected a rate from 0 to below 1, got ${rate}`)
  }
  return Array.from({ length: depth }, (_, i) => (depth > 1 ? (rate * i) / (depth - 1) : 0))
}

export interface DropPathOptions {
  /** Blocks of the model. */
  depth: number
  /** Drop rate of the last block. Default 0.1. */
  rate?: number
  /** Rows: images, or all views of all images, whose columns the caller then splits by resolution. */
  batch: number
  seed: number
  /** The iteration: another one draws anew, the same one draws the same. */
  step: number
}

/**
 * The draws of stochastic depth for one step, as the input that `apply` takes.
 *
 * Huang et al. 2016; the reference's `drop_path`: floor(keep + U[0, 1)) / keep, for each sample and each branch.
 *
 * @returns [2 · depth, batch] of 0 or 1 / keep, row-major; rows 2i and 2i + 1 are block i's attention and MLP
 */
export function dropPathMask({ depth, rate = dropPath.rate, batch, seed, step }: DropPathOptions): Float32Array {
  const mask = new Float32Array(2 * depth * batch)
  const draws = stream(seed, 'drop-path', step)
  dropPathRates(depth, rate).forEach((dropRate, block) => {
    const keep = 1 - dropRate
    for (let at = 2 * block * batch; at < 2 * (block + 1) * batch; at++) {
      mask[at] = Math.floor(keep + draws.uniform()) / keep
    }
  })
  return mask
}
