import { cosineSchedule } from '@dino/optim'
import { permutation } from '@dino/random'
import type { TrainIO } from '../../report/io.js'
import type { Rows } from '../rows.js'
import type { Probe, ProbeScore } from './probe.js'

export interface FitOptions {
  epochs: number
  batchSize: number
  /** Of the order of rows. */
  seed: number
  signal: TrainIO['signal']
  /** @param losses mean cross-entropy of each classifier in the last batch */
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
export async function fitProbe(probe: Probe, rows: Rows, options: FitOptions): Promise<void> {
  const { epochs, batchSize, seed, signal, onEpoch } = options
  for (const [epoch, factor] of epochFactors(epochs).entries()) {
    const order = permutation(rows.count, seed, epoch)
    let losses: Float32Array = new Float32Array()
    for (const { features, labels } of batches(rows, batchSize, order)) {
      signal.throwIfAborted()
      losses = await probe.step(features, labels, factor)
    }
    onEpoch?.(epoch, losses)
  }
}

/** Accuracy of each classifier on all rows, which all have a class. */
export async function scoreProbe(probe: Probe, rows: Rows, batchSize: number): Promise<ProbeScore[]> {
  const all: ProbeScore[] = []
  for (const { features, labels } of batches(
    rows,
    batchSize,
    Uint32Array.from({ length: rows.count }, (_, i) => i),
  )) {
    const share = labels.length / rows.count
    for (const [i, { loss, top1, top5 }] of (await probe.score(features, labels)).entries()) {
      const sum = (all[i] ??= { loss: 0, top1: 0, top5: 0 })
      sum.loss += share * loss
      sum.top1 += share * top1
      sum.top5 += share * top5
    }
  }
  return all
}

/** Rows in an order, in arrays that the next batch overwrites. */
function* batches(rows: Rows, size: number, order: Uint32Array) {
  const batch = new Float32Array(size * rows.dim)
  for (let first = 0; first < order.length; first += size) {
    const chosen = order.subarray(first, first + size)
    rows.read(chosen, batch)
    const labels = Int32Array.from(chosen, (row) => rows.labels[row]!)
    yield { features: batch.subarray(0, chosen.length * rows.dim), labels }
  }
}
