import { NotFiniteError, type Session } from '@dino/graph'
import type { TrainConfig } from '../config/schema.js'
import { type Checkpoint, checkpointPath, type Progress, saveCheckpoint } from './checkpoint.js'
import { type CropFeeds, SUM, type TrainStep, trainStep } from './compile-step.js'
import { cropOptions } from './crop-options.js'
import { dropPathFeeds } from './drop-path.js'
import { type Batch, createFeed } from './feed.js'
import type { TrainImages } from './images.js'
import type { InitOrigin } from './init.js'
import { initStudent, type Setup } from './model.js'
import { schedules } from './schedules.js'
import { setupOf } from './setup.js'
import { initialState } from './step.js'

/** What one step reports; losses, entropies and KL in nats. */
export interface StepRecord {
  /** Steps taken, this one included. */
  iteration: number
  /** Epoch of this step, from 0. */
  epoch: number
  loss: number
  gradNorm: number
  /** These five are of losses with a softmax. */
  teacherEntropy?: number
  studentEntropy?: number
  kl?: number
  usedPrototypes?: number
  largestShare?: number
  /** Of the others: 1 is spread evenly over the sphere, 0 is one direction. */
  outputSpread?: number
  lr: number
  weightDecay: number
  momentum: number
  teacherTemp: number
  /** Seconds since the step before ended. */
  seconds: number
  /** Seconds of them spent waiting for crops. */
  waited: number
}

export interface TrainingHooks {
  onStep?(record: StepRecord): void
  /** After each epoch; `epoch` counts those that are done. */
  onEpoch?(epoch: number): Promise<void>
  onSaved?(path: string): void
  /** Called once for each image that can't be read. */
  onSetAside?(name: string, reason: string): void
}

export interface TrainingOptions {
  config: TrainConfig
  images: TrainImages
  session: Session
  /** Where checkpoints go; none are written without it. */
  folder?: string
  checkpoint?: Checkpoint
  /** Where the weights of a new run, which are then in the session, come from. */
  origin?: InitOrigin
  signal?: AbortSignal
  hooks?: TrainingHooks
}

export interface TrainingResult {
  iteration: number
  total: number
  ended: 'done' | 'interrupted' | 'limit'
}

/** A step whose loss or gradients were not finite; nothing of it was kept. */
export class NonFiniteStep extends Error {
  override name = 'NonFiniteStep'

  constructor(
    readonly iteration: number,
    readonly images: string[],
    cause: NotFiniteError,
  ) {
    super(`The ${cause.output === 'loss' ? 'loss' : 'gradient'} is not finite at step ${iteration}.`, { cause })
  }
}

/** Optimizer steps of an epoch, each of `accumulate` batches; images that fill no step are left out. */
export function iterationsPerEpoch(config: TrainConfig, images: { count: number }): number {
  return Math.floor(images.count / (config.batchSize * config.accumulate))
}

/**
 * Trains until the last epoch, the signal or a limit. The state lives in the session, under the names of
 * {@link initialState}, and is made unless it is there; a run that was stopped and resumed ends bit for bit as one that was not.
 */
export async function runTraining(options: TrainingOptions): Promise<TrainingResult> {
  const { config, images, session, folder, checkpoint, signal, hooks = {} } = options
  const setup = setupOf(config)
  const perEpoch = iterationsPerEpoch(config, images)
  const total = perEpoch * config.epochs
  const values = schedules(config, perEpoch)
  const start = checkpoint?.progress.iteration ?? 0
  const origin = checkpoint?.progress.init ?? options.origin

  if (checkpoint) await session.create(checkpoint.tensors)
  else if (!session.has('center'))
    await session.create(initialState(setup, initStudent(setup, config.seed), config.seed))
  const progress = (iteration: number): Progress => ({
    iteration,
    iterationsPerEpoch: perEpoch,
    config,
    images: { count: images.count, digest: images.digest },
    setAside: [...feed.setAside],
    ...(origin && { init: origin }),
  })
  const save = async (iteration: number, epoch?: number): Promise<void> => {
    if (!folder) return
    reportSetAside() // those of batches made ahead are in the checkpoint too
    const path = checkpointPath(folder, epoch)
    await saveCheckpoint(path, { progress: progress(iteration), tensors: await session.read(stateNames()) })
    hooks.onSaved?.(path)
  }

  const stateNames = () => Object.keys(session.specs()).filter((name) => !name.startsWith(SUM))

  const last = Math.min(total, config.maxSteps ?? total)
  const A = config.accumulate
  const known = checkpoint?.progress.setAside ?? []
  const feed = createFeed(images, config, {
    crops: cropOptions(config),
    start: start * A,
    total: last * A,
    iterationsPerEpoch: perEpoch * A,
    setAside: known,
  })
  const reported = new Set(known.map(([index]) => index))
  const reportSetAside = () => {
    for (const [index, reason] of feed.setAside) {
      if (!reported.has(index)) hooks.onSetAside?.(images.name(index), reason)
      reported.add(index)
    }
  }
  const began = performance.now()
  let saved = began
  let ended: TrainingResult['ended'] = last < total ? 'limit' : 'done'
  let iteration = start
  let step: TrainStep | undefined
  let frozen: boolean | undefined
  let stepFailed = false
  try {
    let before = performance.now()
    while (iteration < last) {
      const epoch = Math.floor(iteration / perEpoch)
      const freeze = epoch < config.freezeLastLayer
      if (frozen !== freeze) {
        step?.dispose()
        step = await trainStep(session, setup, config, freeze)
        frozen = freeze
      }
      const asked = performance.now()
      const batches: Batch[] = []
      while (batches.length < A) batches.push(await feed.next())
      const waited = (performance.now() - asked) / 1000
      reportSetAside()
      const schedule = {
        lr: values.lr[iteration]!,
        weightDecay: values.weightDecay[iteration]!,
        momentum: values.momentum[iteration]!,
        teacherTemp: values.teacherTemp[epoch]!,
      }
      const crops = batches.map((batch, i) => cropFeeds(setup, config, batch, iteration * A + i))
      const outputs = await step!.run(crops, schedule).catch((error: unknown) => {
        stepFailed = !(error instanceof NotFiniteError)
        const names = batches.flatMap((batch) => batch.names)
        throw stepFailed ? error : new NonFiniteStep(iteration + 1, names, error as NotFiniteError)
      })
      for (const batch of batches) batch.release()
      iteration++
      const now = performance.now()
      hooks.onStep?.({
        ...(scalars(outputs) as unknown as StepRecord),
        iteration,
        epoch,
        ...schedule,
        seconds: (now - before) / 1000,
        waited,
      })
      before = now

      if (iteration % perEpoch === 0) {
        const done = iteration / perEpoch
        await save(iteration)
        if (config.saveckpFreq > 0 && done % config.saveckpFreq === 0) await save(iteration, done)
        saved = performance.now()
        await hooks.onEpoch?.(done)
        before = performance.now()
      } else if (config.checkpointMinutes > 0 && minutesSince(saved) >= config.checkpointMinutes) {
        await save(iteration)
        before = saved = performance.now()
      }
      if (iteration === total) break
      if (signal?.aborted) ended = 'interrupted'
      else if (iteration === last) break
      else if (config.maxMinutes !== undefined && minutesSince(began) >= config.maxMinutes) ended = 'limit'
      else continue
      break
    }
    if (iteration % perEpoch !== 0) await save(iteration)
  } catch (error) {
    // The state is that of the last whole step, unless TensorFlow failed within one. The first error is the one to tell.
    if (!stepFailed && iteration > start) await save(iteration).catch(() => {})
    throw error
  } finally {
    step?.dispose()
    await feed.close()
  }
  return { iteration, total, ended }
}

/** The images of batch number `index` of the run, with its draws of stochastic depth. */
function cropFeeds(setup: Setup, config: TrainConfig, batch: Batch, index: number): CropFeeds {
  return {
    global: batch.global,
    ...(batch.local && { local: batch.local }),
    ...dropPathFeeds(setup, config, index),
  }
}

function scalars(outputs: Record<string, { data: ArrayBufferView }>): Record<string, number> {
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, (data as Float32Array)[0]!]))
}

function minutesSince(time: number): number {
  return (performance.now() - time) / 60_000
}
