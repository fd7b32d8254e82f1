import { bestTrial, holdOut } from '@dino/eval'
import type { Session } from '@dino/graph'
import { counter } from '../../report/counter.js'
import { short } from '../../report/format.js'
import { Failure, type TrainIO } from '../../report/io.js'
import { onFeatures, type Rows, someRows, spreadOf, standardized } from '../rows.js'
import { fitProbe, scaledRate, scoreProbe } from './fit-probe.js'
import { openProbe, type Probe, type ProbeScore, type ProbeWeights } from './probe.js'

export interface FitSettings {
  session: Session
  classes: number
  epochs: number
  batchSize: number
  seed: number
  io: TrainIO
}

/** What a probe is trained with. */
export interface Recipe {
  lr: number
  /** Whether each feature is brought to mean 0 and deviation 1 first. */
  standardize: boolean
}

/** How a recipe did on the held-out images. */
export interface RecipeTrial extends Recipe, ProbeScore {}

/**
 * Tries learning rates, all of them at once, on nine tenths of the training features, and tells how they do on the last tenth. The test
 * set has no part in it.
 *
 * @param standardize whether on features as they are, on standardized ones, or on both
 */
export async function sweep(
  train: Rows,
  { lrs, standardize, ...settings }: FitSettings & { lrs: readonly number[]; standardize: readonly boolean[] },
): Promise<{ trials: RecipeTrial[]; heldOut: number; best: RecipeTrial }> {
  const parts = holdOut(train.labels)
  if (parts.held.length === 0) {
    throw new Failure(
      'No class of train/ has two readable images, so none can be held out to choose by. Give one --lr, and --standardize on or off.',
      2,
    )
  }
  const [kept, held] = [someRows(train, parts.kept), someRows(train, parts.held)]
  const trials: RecipeTrial[] = []
  for (const standard of standardize) {
    const scaled = (rows: Rows) => (standard ? standardized(rows, spread!) : rows)
    const spread = standard ? spreadOf(kept) : undefined
    const what = `${lrs.length} learning rates${standard ? ', standardized' : ''}: epochs`
    const probe = await fitted(what, scaled(kept), lrs, settings)
    const scores = await scoreProbe(probe, scaled(held), settings.batchSize)
    trials.push(...scores.map((score, i) => ({ lr: lrs[i]!, standardize: standard, ...score })))
    await probe.dispose()
  }
  return { trials, heldOut: held.count, best: best(trials) }
}

/** A classifier on the features as they are, trained on all rows. */
export async function fitOne(train: Rows, { lr, standardize }: Recipe, settings: FitSettings): Promise<ProbeWeights> {
  const spread = standardize ? spreadOf(train) : undefined
  const probe = await fitted(`lr ${lr}: epochs`, spread ? standardized(train, spread) : train, [lr], settings)
  const weights = await probe.weights()
  await probe.dispose()
  return spread ? onFeatures(weights, spread) : weights
}

async function fitted(what: string, train: Rows, lrs: readonly number[], settings: FitSettings): Promise<Probe> {
  const { session, classes, epochs, seed, io } = settings
  const batchSize = Math.min(settings.batchSize, train.count)
  const scaled = lrs.map((lr) => scaledRate(lr, batchSize))
  const probe = await openProbe({ session, inDim: train.dim, classes, batch: batchSize, lrs: scaled, seed })
  const count = counter(io, what)
  await fitProbe(probe, train, {
    ...{ epochs, batchSize, seed, signal: io.signal },
    onEpoch: (epoch, losses) => count.update(epoch + 1, epochs, `loss ${short(least(losses))}`),
  })
  count.stop()
  return probe
}

function best(trials: readonly RecipeTrial[]): RecipeTrial {
  try {
    return bestTrial(trials)
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(error.message.replace(/^bestTrial: /, ''))
    throw error
  }
}

function least(losses: Float32Array): number {
  return Math.min(...losses.filter(Number.isFinite))
}
