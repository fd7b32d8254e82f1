import { NotFiniteError, type Session } from '@dino/graph'
import * as vit from '@dino/vit'
import { Failure } from '../../report/io.js'
import { isVit } from '../../train/backbone.js'
import { type Batch, createFeed } from '../../train/feed.js'
import type { TrainImages } from '../../train/images.js'
import { type FinetuneCheckpoint, type FinetuneIdentity, saveFinetuneCheckpoint } from './finetune-checkpoint.js'
import { cropsOf, learningRates } from './finetune-settings.js'
import { compileFinetuneStep, type FinetuneModel } from './finetune-step.js'
import { mixupShare } from './mixup.js'

/** How an epoch ended; accuracies in percent. */
export interface EpochScore {
  /** From 1. */
  epoch: number
  /** Mean of its steps, with smoothed labels, in nats. */
  loss: number
  top1: number
  top5: number
}

export interface FinetuneTraining {
  model: FinetuneModel
  identity: FinetuneIdentity
  /** All of them have a label. */
  images: TrainImages
  session: Session
  /** Where checkpoints go. */
  folder: string
  checkpoint: FinetuneCheckpoint | undefined
  workers: number
  background: readonly [number, number, number]
  recompute: boolean
  signal: AbortSignal
  /** Scores the network in the session; undefined when it was interrupted. */
  score(): Promise<{ top1: number; top5: number } | undefined>
  onStep(step: { iteration: number; total: number; epoch: number; loss: number; lr: number }): void
  onEpoch(score: EpochScore): void
  onSetAside(name: string, reason: string): void
}

/** What a kill can cost, at most. */
const MINUTES_BETWEEN_SAVES = 10

/**
 * Trains until the last epoch or the signal, and scores each epoch. What is saved is all that it needs: a run that was stopped or killed
 * ends bit for bit as one that was not.
 *
 * @returns the score of each epoch that is done, and whether all of them are
 */
export async function finetuneTraining(run: FinetuneTraining): Promise<{ scores: EpochScore[]; done: boolean }> {
  const { model, identity, images, session, folder, checkpoint, signal } = run
  const { settings } = identity
  const { batchSize: B, epochs } = settings
  const perEpoch = Math.floor(images.count / B) // the last, incomplete batch is dropped
  const total = perEpoch * epochs
  const rates = learningRates(settings, perEpoch)
  const scores = [...(checkpoint?.scores ?? [])]
  let iteration = checkpoint?.iteration ?? 0
  let lossSum = checkpoint?.lossSum ?? 0
  let savedAt = iteration
  let savedTime = performance.now()

  const known = checkpoint?.setAside ?? []
  const reported = new Set(known.map(([index]) => index))
  const feed = createFeed(
    images,
    { batchSize: B, numWorkers: run.workers, seed: settings.seed, background: [...run.background] },
    { crops: cropsOf(settings), start: iteration, total, iterationsPerEpoch: perEpoch, setAside: known },
  )
  const save = async () => {
    const progress = { ...identity, iteration, lossSum, scores, setAside: [...feed.setAside] }
    await saveFinetuneCheckpoint(folder, progress, await session.read())
    savedAt = iteration
    savedTime = performance.now()
  }

  const step = await compileFinetuneStep(session, model, { ...settings, recompute: run.recompute })
  try {
    for (;;) {
      if (scores.length < Math.floor(iteration / perEpoch)) {
        const score = await run.score()
        if (!score) break
        scores.push({ epoch: scores.length + 1, loss: lossSum / perEpoch, ...score })
        run.onEpoch(scores.at(-1)!)
        lossSum = 0
        if (iteration === total) await save()
      }
      if (iteration === total || signal.aborted) break
      const batch = await feed.next()
      for (const [index, reason] of feed.setAside) {
        if (!reported.has(index)) run.onSetAside(images.name(index), reason)
        reported.add(index)
      }
      const loss = await takeStep(batch, iteration)
      batch.release()
      lossSum += loss
      const epoch = 1 + Math.floor(iteration / perEpoch)
      run.onStep({ iteration: ++iteration, total, epoch, loss, lr: rates[iteration - 1]! })
      const late = performance.now() - savedTime >= MINUTES_BETWEEN_SAVES * 60_000
      if (iteration % perEpoch === 0 || late) await save()
    }
    if (savedAt !== iteration) await save()
    return { scores, done: scores.length === epochs }
  } finally {
    step.dispose()
    await feed.close()
  }

  async function takeStep(batch: Batch, index: number): Promise<number> {
    const { dropPathRate: rate, seed, mixup } = settings
    const dropPath =
      rate > 0 && isVit(model.backbone)
        ? vit.dropPathMask({ depth: model.backbone.depth, rate, batch: B, seed, step: index })
        : undefined
    try {
      const { loss } = await step({
        images: batch.global,
        labels: Int32Array.from(batch.indices, (i) => images.labels![i]!),
        lr: rates[index]!,
        ...(dropPath && { dropPath }),
        ...(mixup > 0 && { kept: mixupShare(mixup, seed, index) }),
      })
      return (loss!.data as Float32Array)[0]!
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error
      throw new Failure(
        `Step ${index + 1}: the loss is not finite. Nothing of that step was kept; ${folder} holds the state of step ${savedAt}. ` +
          'Start again with a lower --lr and another --output-dir.',
        1,
        { cause: error },
      )
    }
  }
}
