import { type Draws, stream } from '@dino/random'
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
  /**
   * Keeps the same number of rows in every step, max(1, floor(batch · (1 - rate))) of each branch, drawn without replacement, and
   * scales by batch / that number: DINOv2's stochastic depth, which is another method than DINO's. Default false.
   */
  subset?: boolean
}

/**
 * The draws of stochastic depth for one step, as the input that `apply` takes.
 *
 * Huang et al. 2016; the reference's `drop_path`: floor(keep + U[0, 1)) / keep, for each sample and each branch.
 *
 * With `subset` instead `drop_add_residual_stochastic_depth` of DINOv2 (Oquab et al. 2023).
 *
 * @returns [2 · depth, batch] of 0 or 1 / keep, row-major; rows 2i and 2i + 1 are block i's attention and MLP
 */
export function dropPathMask({
  depth,
  rate = dropPath.rate,
  batch,
  seed,
  step,
  subset = false,
}: DropPathOptions): Float32Array {
  const mask = new Float32Array(2 * depth * batch)
  const draws = stream(seed, subset ? 'drop-path-subset' : 'drop-path', step)
  dropPathRates(depth, rate).forEach((dropRate, block) => {
    const keep = 1 - dropRate
    for (const branch of [2 * block, 2 * block + 1]) {
      const row = mask.subarray(branch * batch, (branch + 1) * batch)
      if (subset) drawSubset(row, Math.max(1, Math.floor(batch * keep)), draws)
      else for (let i = 0; i < batch; i++) row[i] = Math.floor(keep + draws.uniform()) / keep
    }
  })
  return mask
}

/** Sets `count` entries of a row to row.length / count. */
function drawSubset(row: Float32Array, count: number, draws: Draws): void {
  const left = Uint32Array.from(row, (_, i) => i)
  for (let i = 0; i < count; i++) {
    const drawn = draws.integer(i, row.length)
    row[left[drawn]!] = row.length / count
    left[drawn] = left[i]!
  }
}

/**
 * The rows that each branch has to compute under a mask: those that are kept, and a few that are dropped, so that their number takes one
 * of at most 32 values. A compiled program is planned anew for each number that it meets.
 *
 * @param mask [2 · depth, batch], what {@link dropPathMask} gives or columns of it
 * @returns of each branch the rows, at least one; and int32 [2 · depth, batch], the place of each row among them: `dropPathRows` of
 * `apply`, once they are tensors
 */
export function dropPathRows(mask: Float32Array, batch: number): { rows: Int32Array[]; places: Int32Array } {
  const grain = Math.ceil(batch / 32)
  const places = new Int32Array(mask.length)
  const rows = Array.from({ length: mask.length / batch }, (_, branch) => {
    const own = mask.subarray(branch * batch, (branch + 1) * batch)
    const all = Int32Array.from(own, (_, i) => i)
    const kept = all.filter((i) => own[i] !== 0)
    const count = Math.min(batch, grain * Math.ceil(Math.max(1, kept.length) / grain))
    const dropped = all.filter((i) => own[i] === 0).subarray(0, count - kept.length)
    const computed = Int32Array.of(...kept, ...dropped).sort() // in their order in memory
    for (const [place, row] of computed.entries()) places[branch * batch + row] = place
    return computed
  })
  return { rows, places }
}
