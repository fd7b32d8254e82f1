import { bestTrial, holdOut } from '@dino/eval'
import type { Session } from '@dino/graph'
import { counter } from '../report/counter.js'
import { short } from '../report/format.js'
import { Failure, type TrainIO } from '../report/io.js'
import { fitProbe, type LabelledRows, rowsAt, scaledRate } from './fit-probe.js'
import { openProbe, type Probe, type ProbeScore } from './probe.js'

export interface SweepOptions {
  session: Session
  train: LabelledRows
  classes: number
  lrs: readonly number[]
  epochs: number
  batchSize: number
  seed: number
  io: TrainIO
}

/** How a learning rate did on the held-out images. */
export interface RateTrial extends ProbeScore {
  lr: number
}

/**
 * Tries all learning rates at once, on nine tenths of the training features, and tells how they do on the last tenth. The test set has
 * no part in it.
 */
export async function sweepRates(
  options: SweepOptions,
): Promise<{ trials: RateTrial[]; heldOut: number; best: number }> {
  const { train, lrs } = options
  const { kept, held } = holdOut(train.labels)
  if (held.length === 0) {
    throw new Failure('No class of train/ has two readable images, so none can be held out. Give one --lr.', 2)
  }
  const probe = await fitted(`${lrs.length} learning rates: epochs`, { ...options, train: rowsAt(train, kept) })
  try {
    const rest = rowsAt(train, held)
    const scores = await probe.score(rest.data, rest.labels)
    const trials = scores.map((score, i) => ({ lr: lrs[i]!, ...score }))
    return { trials, heldOut: held.length, best: bestRate(trials) }
  } finally {
    await probe.dispose()
  }
}

/** A probe, or one for each rate, after all its epochs. */
export async function fitted(what: string, options: SweepOptions): Promise<Probe> {
  const { session, train, classes, lrs, epochs, seed, io } = options
  const batchSize = Math.min(options.batchSize, train.labels.length)
  const scaled = lrs.map((lr) => scaledRate(lr, batchSize))
  const probe = await openProbe({ session, inDim: train.dim, classes, batch: batchSize, lrs: scaled, seed })
  const count = counter(io, what)
  await fitProbe(probe, train, {
    epochs,
    batchSize,
    seed,
    signal: io.signal,
    onEpoch: (epoch, losses) => count.update(epoch + 1, epochs, `loss ${short(least(losses))}`),
  })
  count.stop()
  return probe
}

function bestRate(trials: readonly RateTrial[]): number {
  try {
    return bestTrial(trials).lr
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(error.message.replace(/^bestTrial: /, ''))
    throw error
  }
}

function least(losses: Float32Array): number {
  return Math.min(...losses.filter(Number.isFinite))
}
