import { cosineSchedule } from '@dino/optim'
import { permutation } from '@dino/random'
import type { TrainIO } from '../report/io.js'
import type { Probe } from './probe.js'

/** Features with a class each. */
export interface LabelledRows {
  /** [rows, dim] */
  data: Float32Array
  dim: number
  labels: Int32Array
}

export interface FitOptions {
  epochs: number
  batchSize: number
  /** Of the order of rows. */
  seed: number
  signal: TrainIO['signal']
  onEpoch?(epoch: number, losses: Float32Array): void
}

/** Learning rates are for a batch of 256 (METHOD.md, 1.15). */
export function scaledRate(lr: number, batchSize: number): number {
  return (lr * batchSize) / 256
}

/** What the schedule makes of a learning rate in each epoch: half a cosine from 1 towards 0 (PyTorch's CosineAnnealingLR). */
export function epochFactors(epochs: number): Float64Array {
  return cosineSchedule({ base: 1, final: 0, epochs, iterationsPerEpoch: 1 })
}

/** Trains probes on features, in another order each epoch; the last batch of an epoch may be smaller. */
export async function fitProbe(probe: Probe, rows: LabelledRows, options: FitOptions): Promise<void> {
  const { epochs, batchSize, seed, signal, onEpoch } = options
  const { data, dim, labels } = rows
  const batch = new Float32Array(batchSize * dim)
  for (const [epoch, factor] of epochFactors(epochs).entries()) {
    const order = permutation(labels.length, seed, epoch)
    let losses = new Float32Array()
    for (let first = 0; first < order.length; first += batchSize) {
      signal.throwIfAborted()
      const chosen = order.subarray(first, first + batchSize)
      for (const [i, row] of chosen.entries()) batch.set(data.subarray(row * dim, (row + 1) * dim), i * dim)
      losses = (await probe.step(
        batch.subarray(0, chosen.length * dim),
        Int32Array.from(chosen, (row) => labels[row]!),
        factor,
      )) as Float32Array<ArrayBuffer>
    }
    onEpoch?.(epoch, losses)
  }
}

/** Some rows, in the order given. */
export function rowsAt({ data, dim, labels }: LabelledRows, rows: readonly number[]): LabelledRows {
  const chosen = new Float32Array(rows.length * dim)
  for (const [i, row] of rows.entries()) chosen.set(data.subarray(row * dim, (row + 1) * dim), i * dim)
  return { data: chosen, dim, labels: Int32Array.from(rows, (row) => labels[row]!) }
}
